import { type ByteString, bytesOf, displayBytes } from '../../base/index.ts';
import { type Word, addressOf, derivationPathOf, isDerivation, kindOf } from '../../eval/index.ts';
import { printStorePath, type StorePath } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';
import { showDocumentation } from './documentation.ts';
import { openInEditor } from './edit.ts';
import { helpText } from './help-text.ts';
import type { Outcome, Repl } from './repl.ts';
import { buildAndShow } from './build-and-show.ts';
import { showDerivationLog } from './show-derivation-log.ts';

/** What a command does with what follows its name; `name` is the name that was typed. */
export type ReplCommand = (repl: Repl, argument: ByteString, name: string) => Outcome | void;

/** Commands of every prompt, by all their names. */
export const replCommands: ReadonlyMap<string, ReplCommand> = byNames([
  [[':?', ':help'], repl => repl.context.out.write(Buffer.from(helpText(repl.isDebugging)))],
  [[':a', ':add'], (repl, text) => repl.addAttributes(repl.evaluate(text))],
  [[':b', ':bl'], buildDerivation],
  [[':i', ':sh', ':u'], refuseBuilding],
  [[':doc'], showDocumentation],
  [[':e', ':edit'], openInEditor],
  [[':l', ':load'], (repl, text) => repl.load(text)],
  [[':lf', ':load-flake'], loadFlake],
  [[':ll', ':last-loaded'], repl => repl.listLastLoaded()],
  [[':log'], (repl, text) => showDerivationLog(repl.context, requireDerivation(repl, text))],
  [[':p', ':print'], printWhole],
  [[':q', ':quit'], () => ({ kind: 'leave', how: 'quit' })],
  [[':r', ':reload'], repl => repl.reload()],
  [[':t'], (repl, text) => repl.context.out.line(repl.evaluator.errors.describe(repl.evaluate(text)))],
  [[':te', ':trace-enable'], switchTraces],
]);

export function byNames(
  commands: readonly (readonly [names: readonly string[], command: ReplCommand])[],
): ReadonlyMap<string, ReplCommand> {
  return new Map(commands.flatMap(([names, command]) => names.map(name => [name, command] as const)));
}

function printWhole(repl: Repl, text: ByteString): void {
  const value = repl.evaluate(text);
  const { memory } = repl.evaluator.core;
  if (kindOf(memory, value) !== 'string') return repl.print(value);
  repl.context.out.write(bytesOf(memory.string(addressOf(value))));
  repl.context.out.line('');
}

function switchTraces({ context }: Repl, argument: ByteString, name: string): void {
  const { log, out } = context;
  const wanted = argument === '' ? !log.showTrace : argument === 'true';
  if (!['', 'true', 'false'].includes(argument)) {
    throw new CliError('repl/bad-argument', `unexpected argument '${displayBytes(argument)}' to ${name}`);
  }
  out.line(wanted ? 'showing error traces' : 'not showing error traces');
  log.showTrace = wanted;
}

/** `:b`: builds a derivation and says what its outputs are; with `:bl` links in the working folder keep them. */
function buildDerivation(repl: Repl, text: ByteString, name: string): Outcome {
  const derivation = requireDerivation(repl, text);
  return { kind: 'later', work: () => buildAndShow(repl.context, derivation, name === ':bl') };
}

function refuseBuilding(repl: Repl, text: ByteString, name: string): never {
  const path = requireDerivation(repl, text);
  const printed = printStorePath(repl.evaluator.io.storeDir, path);
  throw new CliError(
    'realise/needs-building',
    `'${name}' would build '${printed}', which this version of Firn cannot do yet`,
  );
}

function loadFlake(repl: Repl, text: ByteString): Outcome {
  if (text !== '') return repl.loadFlake(displayBytes(text));
  const message = "cannot use ':load-flake' without a path specified. (Use '.' for the current working directory.)";
  throw new CliError('repl/bad-argument', message);
}

/** The derivation that what was typed is. */
function requireDerivation(repl: Repl, text: ByteString): StorePath {
  const { evaluator } = repl;
  const value: Word = repl.evaluate(text);
  const attrs = addressOf(value);
  if (kindOf(evaluator.core.memory, value) !== 'set' || !evaluator.run(() => isDerivation(evaluator, attrs))) {
    const message = "expression does not evaluate to a derivation, so I can't build it";
    throw new CliError('repl/not-a-derivation', message);
  }
  return derivationPathOf(evaluator, { attributePath: '', attrs });
}
