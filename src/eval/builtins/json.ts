import { type ByteString, displayBytes } from '../../base/index.ts';
import { type JsonValue, formatJson, isJsonArray, isJsonObject, parseJson } from '../../nix-compat/index.ts';
import { coerce } from '../core-exports.ts';
import { mark } from '../error-log.ts';
import { EvalError } from '../eval-error.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, addressOf, falseWord, floatOf, intOf, kindOf, listElements, nullWord, trueWord } from '../word.ts';
import { argument, forcePlainString, within } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

/** A value as JSON, with what its strings depend on. Paths are copied to the store. */
export function toJsonValue(
  evaluator: Evaluator,
  word: Word,
): { readonly value: JsonValue; readonly context: number } {
  const writer = new JsonWriter(evaluator);
  const value = writer.convert(word);
  return { value, context: writer.context };
}

class JsonWriter {
  readonly #evaluator: Evaluator;
  context = 0;

  constructor(evaluator: Evaluator) {
    this.#evaluator = evaluator;
  }

  convert(unforced: Word): JsonValue {
    const { core } = this.#evaluator;
    const word = core.force(unforced);
    const kind = kindOf(core.memory, word);
    switch (kind) {
      case 'int':
        return intOf(core.memory, word);
      case 'float':
        return floatOf(core.memory, word);
      case 'bool':
        return word.low === trueWord.low;
      case 'null':
        return null;
      case 'string':
      case 'path':
        return this.#string(word);
      case 'list':
        return listElements(core.memory, addressOf(word)).map((element, index) =>
          within(this.#evaluator, `while evaluating list element at index ${index}`, () => this.convert(element)),
        );
      case 'set':
        return this.#set(word);
      default:
        throw new EvalError('eval/type', `cannot convert ${mark(this.#evaluator.errors.describe(word))} to JSON`);
    }
  }

  #string(word: Word): ByteString {
    const { core } = this.#evaluator;
    const { text, context } = core.coerce(word, coerce.copy | coerce.canonical);
    this.context = core.exports.uniteContexts(this.context, context);
    return text;
  }

  #set(word: Word): JsonValue {
    const { core } = this.#evaluator;
    const attrs = addressOf(word);
    const symbols = this.#evaluator.symbols;
    if (core.lookup(attrs, symbols.toString) !== undefined) return this.#string(word);
    const outPath = core.lookup(attrs, symbols.outPath);
    if (outPath !== undefined) return this.convert(outPath.word);
    const members = new Map<ByteString, JsonValue>();
    for (const { symbol, position, word: value } of core.sortedAttributes(attrs)) {
      const name = core.nameOf(symbol);
      const doing = `while evaluating attribute '${displayBytes(name)}'`;
      members.set(
        name,
        within(this.#evaluator, doing, () => this.convert(value), position),
      );
    }
    return members;
  }
}

function toJson(evaluator: Evaluator, args: number): Word {
  const { value, context } = toJsonValue(evaluator, argument(evaluator, args, 0));
  return evaluator.core.string(formatJson(value), context);
}

function fromJson(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.fromJSON';
  const text = forcePlainString(evaluator, argument(evaluator, args, 0), doing);
  const value = within(evaluator, 'while decoding a JSON string', () => parseJson(text));
  return wordOfJson(evaluator, value);
}

export function wordOfJson(evaluator: Evaluator, value: JsonValue): Word {
  const { core } = evaluator;
  if (value === null) return nullWord;
  if (value === true) return trueWord;
  if (value === false) return falseWord;
  if (typeof value === 'bigint') return core.int(value);
  if (typeof value === 'number') return core.float(value);
  if (isJsonArray(value)) return core.list(value.map(element => wordOfJson(evaluator, element)));
  if (isJsonObject(value)) {
    return core.set([...value].map(([name, member]) => [name, wordOfJson(evaluator, member)] as const));
  }
  return core.string(value);
}

export const jsonBuiltins: readonly HostBuiltin[] = [
  { name: '__toJSON', arity: 1, call: toJson },
  { name: '__fromJSON', arity: 1, call: fromJson },
];

