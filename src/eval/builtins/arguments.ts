import { type ByteString, displayBytes } from '../../base/index.ts';
import { coerce, frameKinds } from '../core-exports.ts';
import { EvalError } from '../eval-error.ts';
import { canonicalPathOf } from '../canonical-path.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, addressOf, kindOf, pathTextOf, wordAt } from '../word.ts';

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

/** An error at the innermost call. */
export function evalError(message: string): EvalError {
  return new EvalError('eval/error', message);
}

export interface ContextString {
  readonly text: ByteString;
  /** Address of a ContextObject; 0 for none. */
  readonly context: number;
}

/** The string that a word must be. `text` says what was being done, for errors. */
export function forceString(evaluator: Evaluator, word: Word, text: string): ContextString {
  return within(evaluator, text, () => {
    const value = evaluator.core.force(word);
    const { memory } = evaluator.core;
    if (kindOf(memory, value) !== 'string') throw evaluator.errors.typeError('a string', value);
    const address = addressOf(value);
    return { text: memory.string(address), context: memory.contextOf(address) };
  });
}

/** As `forceString`, of a string that depends on no store path. */
export function forcePlainString(evaluator: Evaluator, word: Word, text: string): ByteString {
  const string = forceString(evaluator, word, text);
  if (string.context === 0) return string.text;
  return within(evaluator, text, () => {
    const [element] = evaluator.core.context(string.context);
    const path = `${evaluator.io.storeDir}/${displayBytes(element ?? string.text)}`;
    const shown = displayBytes(string.text);
    throw evalError(`the string '${shown}' is not allowed to refer to a store path (such as '${path}')`);
  });
}

export function forceSet(evaluator: Evaluator, word: Word, text: string): number {
  const value = evaluator.core.force(word);
  if (kindOf(evaluator.core.memory, value) === 'set') return addressOf(value);
  return within(evaluator, text, () => {
    throw evaluator.errors.typeError('a set', value);
  });
}

export function forceList(evaluator: Evaluator, word: Word, text: string): number {
  const value = evaluator.core.force(word);
  if (kindOf(evaluator.core.memory, value) === 'list') return addressOf(value);
  return within(evaluator, text, () => {
    throw evaluator.errors.typeError('a list', value);
  });
}

export function forceBool(evaluator: Evaluator, word: Word, text: string): boolean {
  return within(evaluator, text, () => {
    const value = evaluator.core.force(word);
    if (kindOf(evaluator.core.memory, value) !== 'bool') throw evaluator.errors.typeError('a Boolean', value);
    return value.low !== 15;
  });
}

/** A path, or a string or set that means one: absolute, canonical. */
export function coerceToPath(
  evaluator: Evaluator,
  word: Word,
  text: string,
): { readonly path: ByteString; readonly context: number } {
  const { core } = evaluator;
  const value = within(evaluator, text, () => core.force(word));
  if (kindOf(core.memory, value) === 'path') {
    return { path: core.memory.string(pathTextOf(core.memory, value)), context: 0 };
  }
  const string = within(evaluator, text, () => core.coerce(value, coerce.canonical));
  if (!string.text.startsWith('/')) {
    within(evaluator, text, () => {
      throw evalError(`string '${displayBytes(string.text)}' doesn't represent an absolute path`);
    });
  }
  return { path: canonicalPathOf(string.text), context: string.context };
}
