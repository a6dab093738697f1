import type { ByteString } from '../../base/index.ts';
import { type JsonValue, formatJson, parseJson } from '../../nix-compat/index.ts';
import { jsonFlags } from '../core-exports.ts';
import type { Evaluator } from '../evaluator.ts';
import { NotJson, readJson } from '../json/read-json.ts';
import type { Word } from '../word.ts';
import { type ContextString, argument, forcePlainString, within } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

export interface JsonOptions {
  /** Whether paths are copied to the store; they are unless this says otherwise. */
  readonly copies?: boolean;
  /** Whether what is not evaluated yet is evaluated; it is unless this says otherwise. */
  readonly strict?: boolean;
}

/** A value as JSON, with what its strings depend on. */
export function toJson({ core }: Evaluator, word: Word, options: JsonOptions = {}): ContextString {
  const { copies = true, strict = true } = options;
  const flags = (copies ? jsonFlags.copies : 0) | (strict ? jsonFlags.strict : 0);
  return core.contextString(core.exports.jsonAt(core.place(word), flags));
}

/** Of texts that we have written ourselves. */
const unlimited = { maxSize: Infinity, maxDepth: Infinity, maxValues: Infinity };

/** What a JSON text of `toJson` says. */
export function parseOwnJson(text: ByteString): JsonValue {
  return parseJson(text, unlimited);
}

/** The same JSON with an entry a line, each indented by two blanks a level. */
export function indentJson(text: ByteString): ByteString {
  return formatJson(parseOwnJson(text), 2);
}

function fromJson(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.fromJSON';
  const text = forcePlainString(evaluator, argument(evaluator, args, 0), doing);
  try {
    return readJson(evaluator, text);
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    return within(evaluator, 'while decoding a JSON string', () => {
      throw error;
    });
  }
}

export const jsonBuiltins: readonly HostBuiltin[] = [{ name: '__fromJSON', arity: 1, call: fromJson }];
