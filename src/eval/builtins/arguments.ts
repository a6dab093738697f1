import { type ByteString, displayBytes } from '../../base/index.ts';
import type { Attribute } from '../core.ts';
import { coerce, frameKinds } from '../core-exports.ts';
import { displayContextElement, mark } from '../error-log.ts';
import { EvalError } from '../eval-error.ts';
import { canonicalPathOf } from '../canonical-path.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, addressOf, falseWord, kindOf, pathTextOf, wordAt } from '../word.ts';

/** The n-th argument of a builtin, from 0. */
export function argument(evaluator: Evaluator, args: number, index: number): Word {
  return wordAt(evaluator.core.memory, args + index * 8);
}

/** Does `work`; while that goes on, errors say `text`. */
export function within<T>(evaluator: Evaluator, text: string, work: () => T, pos = 0): T {
  const { exports } = evaluator.core;
  exports.push(frameKinds.hostText, pos, evaluator.errors.textNumber(text), 0);
  const result = work();
  exports.pop();
  return result;
}

/** An error at the innermost call: a template literal's tag, which sets off what the message mentions. */
export function evalError(parts: readonly string[], ...mentioned: readonly (string | number | bigint)[]): EvalError {
  return new EvalError('eval/error', formatMessage(parts, mentioned));
}

/** As `evalError`, of a value of the wrong type. */
export function typeError(parts: readonly string[], ...mentioned: readonly (string | number | bigint)[]): EvalError {
  return new EvalError('eval/type', formatMessage(parts, mentioned));
}

/** The text of a template literal, with what it mentions set off. */
function formatMessage(parts: readonly string[], mentioned: readonly (string | number | bigint)[]): string {
  return parts.map((part, index) => (index === 0 ? part : mark(String(mentioned[index - 1])) + part)).join('');
}

export interface ContextString {
  readonly text: ByteString;
  /** Address of a ContextObject; 0 for none. */
  readonly context: number;
}

/** The string that a word must be. `text` says what was being done, for errors, and `pos` where. */
export function forceString(evaluator: Evaluator, word: Word, text: string, pos = 0): ContextString {
  return within(
    evaluator,
    text,
    () => {
      const value = evaluator.core.force(word, pos);
      const { memory } = evaluator.core;
      if (kindOf(memory, value) !== 'string') throw wrongType(evaluator, 'a string', { value, pos });
      const address = addressOf(value);
      return { text: memory.string(address), context: memory.contextOf(address) };
    },
    pos,
  );
}

/** As `forceString`, of a string that depends on no store path. */
export function forcePlainString(evaluator: Evaluator, word: Word, text: string, pos = 0): ByteString {
  const string = forceString(evaluator, word, text, pos);
  if (string.context === 0) return string.text;
  const [element] = evaluator.core.context(string.context);
  const path = displayContextElement(element ?? string.text, evaluator.io.storeDir);
  const error = evalError`the string '${displayBytes(string.text)}' is not allowed to refer to a store path (such as '${path}')`;
  return within(evaluator, text, () => fail(error), pos);
}

/** The error of a value that is not what is needed, at the place that asks for it. */
function wrongType(evaluator: Evaluator, wanted: string, { value, pos }: { value: Word; pos: number }): EvalError {
  return evaluator.errors.typeError(wanted, value).at(evaluator.positions.resolve(pos));
}

function fail(error: EvalError): never {
  throw error;
}

export function forceSet(evaluator: Evaluator, word: Word, text: string, pos = 0): number {
  const value = evaluator.core.force(word, pos);
  if (kindOf(evaluator.core.memory, value) === 'set') return addressOf(value);
  return within(evaluator, text, () => fail(evaluator.errors.typeError('a set', value)), pos);
}

export function forceList(evaluator: Evaluator, word: Word, text: string, pos = 0): number {
  const value = evaluator.core.force(word, pos);
  if (kindOf(evaluator.core.memory, value) === 'list') return addressOf(value);
  return within(evaluator, text, () => fail(evaluator.errors.typeError('a list', value)), pos);
}

export function forceBool(evaluator: Evaluator, word: Word, text: string, pos = 0): boolean {
  return within(
    evaluator,
    text,
    () => {
      const value = evaluator.core.force(word, pos);
      if (kindOf(evaluator.core.memory, value) !== 'bool') throw wrongType(evaluator, 'a Boolean', { value, pos });
      return value.low !== falseWord.low;
    },
    pos,
  );
}

/** A function, or a set that can be called. */
export function forceFunction(evaluator: Evaluator, word: Word, text: string, pos = 0): Word {
  return within(
    evaluator,
    text,
    () => {
      const { core } = evaluator;
      const value = core.force(word, pos);
      const kind = kindOf(core.memory, value);
      const isFunctor = kind === 'set' && core.lookup(addressOf(value), core.internText('__functor')) !== undefined;
      if (isFunctor || kind === 'lambda' || kind === 'builtin' || kind === 'partial') return value;
      throw wrongType(evaluator, 'a function', { value, pos });
    },
    pos,
  );
}

/** A path, or a string or set that means one: absolute, canonical. */
export function coerceToPath(
  evaluator: Evaluator,
  word: Word,
  text: string,
  pos = 0,
): { readonly path: ByteString; readonly context: number } {
  const { core } = evaluator;
  const value = within(evaluator, text, () => core.force(word, pos), pos);
  const kind = kindOf(core.memory, value);
  if (kind === 'path') return { path: core.memory.string(pathTextOf(core.memory, value)), context: 0 };
  const method = kind === 'set' ? core.lookup(addressOf(value), evaluator.symbols.toString) : undefined;
  if (method !== undefined) {
    core.exports.enter(pos);
    const result = coerceToPath(evaluator, core.call(method.word, [value], pos), text, pos);
    core.exports.leave();
    return result;
  }
  const string = core.coerce(value, coerce.canonical, text, pos);
  if (!string.text.startsWith('/')) {
    const error = evalError`string '${displayBytes(string.text)}' doesn't represent an absolute path`;
    within(evaluator, text, () => fail(error), pos);
  }
  return { path: canonicalPathOf(string.text), context: string.context };
}

/** An attribute that the set must have. `text` says what was being done, for errors. */
export function requireAttribute(evaluator: Evaluator, attrs: number, name: string, text: string): Attribute {
  const { core } = evaluator;
  const symbol = core.internText(name);
  const found = core.lookup(attrs, symbol);
  if (found !== undefined) return { symbol, ...found };
  return within(evaluator, text, () => {
    throw typeError`attribute '${name}' missing`;
  });
}
