import { type ByteString, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import {
  type AutoArguments,
  type Evaluator,
  ReplScope,
  type Word,
  autoCall,
  forceSet,
  importFile,
  isIncomplete,
  printEvaluated,
  quoteName,
} from '../../eval/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { absolutePath } from '../paths.ts';
import { interruptible } from './interruptible.ts';
import { showPaged } from '../render/show-paged.ts';
import { type ReplCommand, replCommands } from './commands.ts';

/** What is to happen after an input. */
export type Outcome =
  | { readonly kind: 'done' }
  /** The input ends too early: the next line belongs to it. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'leave'; readonly how: Departure }
  /** What takes its time, and what only a prompt can do that no evaluation waits for. */
  | { readonly kind: 'later'; readonly work: () => Promise<void> };

/** How a prompt is left: for good, or so that the evaluation that waits goes on, perhaps for one step. */
export type Departure = 'quit' | 'continue' | 'step';

export interface ReplOptions {
  readonly context: CommandContext;
  readonly evaluator: Evaluator;
  readonly args: AutoArguments;
  /** What the command line asks to be loaded, evaluated anew each time, with what it is called. */
  readonly sources?: readonly ReplSource[];
  /** Where there can be flakes. */
  readonly flakes?: ReplFlakes;
  /** Commands beside those that every prompt has. */
  readonly commands?: ReadonlyMap<string, ReplCommand>;
}

export interface ReplSource {
  readonly name: string;
  readonly evaluate: () => Word;
}

/** The flakes of a prompt. What is asked of them takes its time. */
export interface ReplFlakes {
  /** Has all of them be as they are now, those of the command line among them. */
  refresh(): Promise<void>;
  /** What a flake is, to be evaluated. Throws what locking throws. */
  load(reference: string): Promise<Word>;
  /** Does what evaluates. */
  perform<T>(work: () => T): Promise<T>;
}

/** Names of variables that are listed when they were loaded. */
const mostListed = 20;

const blanks = /^[ \n\r\t]+|[ \n\r\t]+$/g;

/** The state of a prompt: its variables and what they were loaded from. */
export class Repl {
  readonly context: CommandContext;
  readonly evaluator: Evaluator;
  readonly scope: ReplScope;
  /** Whether commands of a debugger are there. */
  readonly isDebugging: boolean;
  readonly #options: ReplOptions;
  readonly #commands: ReadonlyMap<string, ReplCommand>;
  #files: ByteString[] = [];
  /** With what they are, by their references as they were typed. */
  #flakes = new Map<string, Word>();
  #lastLoaded: readonly string[] | undefined;

  constructor(options: ReplOptions) {
    this.context = options.context;
    this.evaluator = options.evaluator;
    this.scope = new ReplScope(options.evaluator, absolutePath(byteStringFromLatin1('.')));
    this.isDebugging = options.commands !== undefined;
    this.#options = options;
    this.#commands = new Map([...replCommands, ...(options.commands ?? [])]);
  }

  /** Throws what evaluation throws, `command/interrupted` and `repl/...`. */
  process(input: string): Outcome {
    const { evaluator } = this;
    return evaluator.abandonable(() => interruptible(() => this.#process(input)));
  }

  #process(input: string): Outcome {
    const text = byteStringFromLatin1(input.replaceAll(blanks, ''));
    if (text === '') return { kind: 'done' };
    try {
      if (text.startsWith(':')) return this.#command(text);
      const definitions = parseWhole(() => this.scope.parseDefinitions(text));
      if (definitions === undefined) this.print(this.evaluate(text), 1);
      else this.scope.define(definitions);
      return { kind: 'done' };
    } catch (error) {
      if (error instanceof IncompleteInput) return { kind: 'incomplete' };
      throw error;
    }
  }

  #command(text: ByteString): Outcome {
    const [name = ''] = /^[^ \n\r\t]+/.exec(text) ?? [];
    const command = this.#commands.get(name);
    if (command === undefined)
      throw new CliError('repl/unknown-command', `unknown command '${displayBytes(byteStringFromLatin1(name))}'`);
    const argument = byteStringFromLatin1(text.slice(name.length).replaceAll(blanks, ''));
    return command(this, argument, name) ?? { kind: 'done' };
  }

  /** The value of what was typed, in weak head normal form. */
  evaluate(text: ByteString): Word {
    const tree = this.parse(text);
    return this.evaluator.force(this.evaluator.keep(() => this.scope.delay(tree)));
  }

  /** The tree of what was typed. */
  parse(text: ByteString): number {
    return parseWhole(() => this.scope.parse(text));
  }

  print(word: Word, maxDepth?: number): void {
    const { out } = this.context;
    const colours = out.isTerminal && this.context.log.colours;
    const options = { colours, indent: 2, ...(maxDepth === undefined ? {} : { maxDepth }) };
    out.line(printEvaluated(this.evaluator, word, options));
  }

  /** Makes the attributes of a set variables, and says so. */
  addAttributes(word: Word): void {
    const { evaluator, context } = this;
    const { core } = evaluator;
    const doing = 'while evaluating an attribute set to be merged in the global scope';
    const attributes = core.sortedAttributes(evaluator.run(() => forceSet(evaluator, word, doing)));
    for (const { symbol, word: value } of attributes) this.scope.add(symbol, value);
    const names = attributes.map(({ symbol }) => core.nameOf(symbol));
    this.#lastLoaded = names.map(displayBytes);
    context.log.log('notice', `Added ${names.length} variables.`);
    context.log.log('notice', names.slice(0, mostListed).map(quoteName).join(', '));
    const others = names.length - mostListed;
    if (others > 0) context.log.log('notice', `... and ${others} more; view with :ll`);
  }

  listLastLoaded(): void {
    if (this.#lastLoaded === undefined) throw new CliError('repl/nothing-loaded', 'nothing has been loaded yet');
    showPaged(this.#lastLoaded.map(name => `${name}\n`).join(''), this.context);
  }

  /** Makes the attributes of a file's value variables, which is read anew. */
  load(file: ByteString): void {
    this.evaluator.importedFiles.clear();
    this.#loadFile(file);
  }

  #loadFile(file: ByteString): void {
    this.#files = [...this.#files.filter(known => known !== file), file];
    const { evaluator } = this;
    const isLookup = /^<.+>$/.test(file);
    const path = isLookup ? evaluator.findOnSearchPath(byteStringFromLatin1(file.slice(1, -1))) : absolutePath(file);
    this.addAttributes(
      autoCall(
        evaluator,
        this.#options.args,
        evaluator.run(() => importFile(evaluator, path)),
      ),
    );
  }

  /** Makes the outputs of a flake variables. */
  loadFlake(reference: string): Outcome {
    const flakes = this.#requireFlakes(':load-flake');
    const work = async () => {
      const word = await flakes.load(reference);
      this.#flakes.delete(reference);
      this.#flakes.set(reference, word);
      await this.#perform(flakes, () => this.addAttributes(word));
    };
    return { kind: 'later', work };
  }

  #requireFlakes(command: string): ReplFlakes {
    const { flakes } = this.#options;
    if (flakes !== undefined) return flakes;
    throw new CliError('repl/needs-prompt', `'${command}' cannot be had while an evaluation waits`);
  }

  #perform(flakes: ReplFlakes, work: () => void): Promise<void> {
    return flakes.perform(() => this.evaluator.abandonable(() => interruptible(work)));
  }

  /** Forgets all variables and loads what was loaded before. */
  reload(): Outcome {
    const { flakes } = this.#options;
    if (flakes === undefined) {
      this.#reloadNow();
      return { kind: 'done' };
    }
    const work = async () => {
      await flakes.refresh();
      for (const reference of this.#flakes.keys()) this.#flakes.set(reference, await flakes.load(reference));
      await this.#perform(flakes, () => this.#reloadNow());
    };
    return { kind: 'later', work };
  }

  #reloadNow(): void {
    this.evaluator.importedFiles.clear();
    this.scope.clear();
    this.loadAll();
  }

  loadAll(): void {
    const files = this.#files;
    this.#files = [];
    for (const file of files) {
      this.context.log.log('notice', `Loading "${displayBytes(file)}"...`);
      this.#loadFile(file);
    }
    for (const { name, evaluate } of this.#options.sources ?? []) {
      this.context.log.log('notice', `Loading installable '${name}'...`);
      this.addAttributes(evaluate());
    }
    for (const [reference, word] of this.#flakes) {
      this.context.log.log('notice', `Loading flake '${reference}'...`);
      this.addAttributes(word);
    }
  }
}

function parseWhole<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw isIncomplete(error) ? new IncompleteInput() : error;
  }
}

/** A text that ends too early; thrown through the command that wanted to parse it. */
class IncompleteInput extends Error {}
