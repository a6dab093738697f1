import { type ByteString, bytesOf } from '../base/index.ts';
import { EvalError } from './eval-error.ts';
import type { Evaluator } from './evaluator.ts';
import { type Word, addressOf, setWordAt } from './word.ts';

/** Variables beyond it are refused. */
const mostVariables = 32_768;

/** Of the first environment; each further one has room for twice as many variables. Memory is never given back. */
const firstCapacity = 64;

/** Where an environment has its first slot (src/core/env.ts). */
const envHeader = 8;

const origin = { kind: 'text', name: '«string»' } as const;

/**
 * Variables that grow in number while texts are evaluated which use them: the scope of a prompt. A name that is defined
 * again means its new value in later texts; what was evaluated before keeps the old one.
 */
export class ReplScope {
  readonly #evaluator: Evaluator;
  readonly #basePath: ByteString;
  readonly #names = new Set<ByteString>();
  /** The innermost environment, and how many of its slots are used. */
  #env = 0;
  #layer = 0;
  #capacity = 0;
  #used = 0;
  #count = 0;

  /** Relative paths start from `basePath`. */
  constructor(evaluator: Evaluator, basePath: ByteString) {
    this.#evaluator = evaluator;
    this.#basePath = basePath;
    this.clear();
  }

  /** Forgets all variables but the builtins. */
  clear(): void {
    const { core, baseEnv, baseLayer } = this.#evaluator;
    this.#enter(baseEnv, baseLayer, firstCapacity);
    this.#count = 0;
    this.#names.clear();
    for (let slot = 0; slot < core.exports.baseCount(); slot++) {
      this.#names.add(core.nameOf(core.exports.baseName(slot)));
    }
  }

  /** Begins an environment inside another. */
  #enter(env: number, layer: number, capacity: number): void {
    const { exports } = this.#evaluator.core;
    this.#env = exports.newEnv(env, capacity);
    this.#layer = exports.newStaticLayer(layer);
    this.#capacity = capacity;
    this.#used = 0;
  }

  /** All variables. */
  get names(): ReadonlySet<ByteString> {
    return this.#names;
  }

  /** Throws `eval/error` where there are too many variables. */
  add(symbol: number, word: Word): void {
    const { core } = this.#evaluator;
    if (this.#count === mostVariables) {
      throw new EvalError('eval/error', 'environment full; cannot add more variables');
    }
    if (this.#used === this.#capacity) this.#enter(this.#env, this.#layer, this.#capacity * 2);
    setWordAt(core.memory, this.#env + envHeader + this.#used * 8, word);
    core.exports.addStaticName(this.#layer, symbol, this.#used);
    this.#used++;
    this.#count++;
    this.#names.add(core.nameOf(symbol));
  }

  /** The tree of an expression. Throws `eval/syntax` (see `isIncomplete`) and `eval/undefined-variable`. */
  parse(text: ByteString): number {
    return this.#evaluator.parse(bytesOf(text), origin, this.#basePath, this.#layer);
  }

  /** A word for the value of a tree of `parse`, evaluated when it is needed. */
  delay(tree: number): Word {
    const { core } = this.#evaluator;
    return core.receive(at => core.exports.thunkTo(tree, this.#env, at));
  }

  /** The value of a tree of `parse`. */
  evaluateTree(tree: number): Word {
    const { core } = this.#evaluator;
    return this.#evaluator.run(() => core.receive(at => core.exports.evaluateTo(tree, this.#env, at)));
  }

  /**
   * The tree of what a text defines (`a = 1`, `inherit (b) c; d = 2;`); the last semicolon may be missing. Undefined where
   * the text defines nothing. Throws as `parse` does.
   */
  parseDefinitions(text: ByteString): number | undefined {
    try {
      return this.#evaluator.parseBindings(bytesOf(text), origin, this.#basePath, this.#layer);
    } catch (error) {
      const isSyntax = error instanceof EvalError && error.code === 'eval/syntax';
      if (!isSyntax || isIncomplete(error)) throw error;
      return undefined;
    }
  }

  /** Adds the variables of a tree of `parseDefinitions`. */
  define(tree: number): void {
    const { core } = this.#evaluator;
    for (const { symbol, word } of core.attributes(addressOf(this.evaluateTree(tree)))) this.add(symbol, word);
  }
}

/** Whether a text was refused only because it ends too early. */
export function isIncomplete(error: unknown): boolean {
  return error instanceof EvalError && error.code === 'eval/syntax' && error.message.includes('unexpected end of file');
}
