import { type ByteString, displayBytes } from '../../base/index.ts';
import type { DebugEnvironment, DebugFrame, DebugPrompt, DebugReason, Evaluator } from '../../eval/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { ExitStatus } from '../exit-status.ts';
import { blue, filterEscapes, green, magenta, normal, red } from '../render/ansi.ts';
import { codeLines } from '../render/format-position.ts';
import { byNames } from './commands.ts';
import { converse, nothing } from './converse.ts';
import type { Lines } from './lines.ts';
import { greet } from './greet.ts';
import { Repl } from './repl.ts';

/** What a prompt for whoever debugs is made of. The evaluator is there when the first evaluation stops. */
export interface DebugPromptOptions {
  readonly context: CommandContext;
  readonly evaluator: () => Evaluator;
  readonly lines: () => Lines;
}

/** A prompt at each stop of an evaluation, with the variables of the place where it stopped. */
export function makeDebugPrompt({ context, evaluator, lines }: DebugPromptOptions): DebugPrompt {
  return (reason, frames) => {
    announce(context, reason);
    greet(context, true);
    const stop = new Stop(context, evaluator(), frames);
    const answer = stop.converse(lines());
    // There is no error that could end the evaluation.
    if (answer === 'quit' && reason.kind !== 'error') throw new ExitStatus(0);
    return answer;
  };
}

function announce({ log }: CommandContext, reason: DebugReason): void {
  if (reason.kind === 'pause') return;
  if (reason.kind === 'break') {
    log.log('error', `${green}info:${normal} breakpoint reached\n`);
    return;
  }
  log.logError(reason.error);
  log.log('error', '');
  if (!reason.isInTry) return;
  const hint = `This exception occurred in a 'tryEval' call. Use ${green}--ignore-try${normal} to skip these.`;
  log.log('error', `${hint}\n`);
}

/** One stop, and which of the frames is looked at. */
class Stop {
  readonly #context: CommandContext;
  readonly #frames: readonly DebugFrame[];
  readonly #repl: Repl;
  #current = 0;

  constructor(context: CommandContext, evaluator: Evaluator, frames: readonly DebugFrame[]) {
    this.#context = context;
    this.#frames = frames;
    const commands = byNames([
      [[':bt', ':backtrace'], () => this.#showAll()],
      [[':env'], () => this.#showEnvironments()],
      [[':st'], (_, argument) => this.#lookAt(argument)],
      [[':s', ':step'], () => ({ kind: 'leave', how: 'step' })],
      [[':c', ':continue'], () => ({ kind: 'leave', how: 'continue' })],
    ]);
    this.#repl = new Repl({ context, evaluator, args: new Map(), commands });
    this.#enter();
  }

  converse(lines: Lines): ReturnType<DebugPrompt> {
    const conversation = converse(this.#repl, lines, () => Promise.reject(refusal()));
    let step = conversation.next();
    while (step.done !== true) step = step.value === nothing ? conversation.next() : conversation.throw(refusal());
    return step.value;
  }

  /** Makes the variables of the current frame those of the prompt, inner ones before outer ones of the same name. */
  #enter(): void {
    this.#repl.scope.clear();
    for (const { names, attributes, isBase } of (this.#frames[this.#current]?.environments() ?? []).toReversed()) {
      if (isBase) continue;
      for (const { symbol, word } of attributes ?? names) {
        if (word !== undefined) this.#repl.scope.add(symbol, word);
      }
    }
  }

  #showAll(): void {
    for (const [index, frame] of this.#frames.entries()) this.#write(describeFrame(index, frame));
  }

  #lookAt(argument: ByteString): void {
    const [digits] = /^[0-9]+/.exec(argument) ?? [];
    if (digits !== undefined) this.#current = Number(digits);
    const frame = this.#frames[this.#current];
    if (frame === undefined) return;
    this.#write(`${describeFrame(this.#current, frame)}\n`);
    this.#showEnvironments();
    this.#enter();
  }

  #showEnvironments(): void {
    const environments = this.#frames[this.#current]?.environments() ?? [];
    for (const [level, environment] of environments.entries()) {
      this.#write(`Env level ${level}\n${this.#describe(environment)}\n`);
    }
  }

  #describe({ names, attributes, isBase }: DebugEnvironment): string {
    const listed = this.#list(isBase ? names.filter(({ symbol }) => !this.#name(symbol).startsWith('__')) : names);
    const withLine = attributes === undefined ? '' : `with: ${this.#list(attributes)}\n`;
    return `${isBase ? '' : 'static: '}${listed}\n${withLine}`;
  }

  #list(names: readonly { readonly symbol: number }[]): string {
    return `${magenta}${names.map(({ symbol }) => `${this.#name(symbol)} `).join('')}${normal}`;
  }

  #name(symbol: number): string {
    return displayBytes(this.#repl.evaluator.core.nameOf(symbol));
  }

  #write(text: string): void {
    const { out, log } = this.#context;
    out.write(Buffer.from(filterEscapes(text, out.isTerminal && log.colours)));
  }
}

function refusal(): CliError {
  return new CliError('repl/needs-prompt', 'this cannot be done while an evaluation waits: leave it first');
}

function describeFrame(index: number, { text, position, isError }: DebugFrame): string {
  const first = `\n${blue}${index}${normal}: ${isError ? `${red}error: ${normal}` : ''}${text}\n`;
  if (position === undefined) return first;
  const code = codeLines(position).map(line => `\n${line}`);
  return `${first}${position.file}:${position.line}:${position.column}\n${code.join('')}${code.length > 0 ? '\n' : ''}`;
}
