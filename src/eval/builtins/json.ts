import type { ByteString } from '../../base/index.ts';
import { type JsonValue, NixCompatError, formatJson } from '../../nix-compat/index.ts';
import { coerce } from '../core-exports.ts';
import { mark } from '../error-log.ts';
import { EvalError } from '../eval-error.ts';
import type { Evaluator } from '../evaluator.ts';
import { findNotUtf8 } from '../json/find-not-utf8.ts';
import { NotJson, readJson } from '../json/read-json.ts';
import { type Word, addressOf, floatOf, intOf, kindOf, listElements, resolved, trueWord } from '../word.ts';
import { quoteName } from '../value-printer.ts';
import { argument, forcePlainString, within } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

export interface JsonOptions {
  /** Whether paths are copied to the store; they are unless this says otherwise. */
  readonly copies?: boolean;
  /** Whether what is not evaluated yet is evaluated; it is unless this says otherwise. */
  readonly strict?: boolean;
}

/** A value as JSON, with what its strings depend on. */
export function toJsonValue(
  evaluator: Evaluator,
  word: Word,
  options: JsonOptions = {},
): { readonly value: JsonValue; readonly context: number } {
  const writer = new JsonWriter(evaluator, options);
  const value = writer.convert(word, 0);
  return { value, context: writer.context };
}

class JsonWriter {
  readonly #evaluator: Evaluator;
  readonly #options: Required<JsonOptions>;
  context = 0;

  constructor(evaluator: Evaluator, { copies = true, strict = true }: JsonOptions) {
    this.#evaluator = evaluator;
    this.#options = { copies, strict };
  }

  /** `pos` is where the value was asked for. */
  convert(word: Word, pos: number): JsonValue {
    const { core } = this.#evaluator;
    core.exports.enter(pos);
    const value = this.#convert(this.#options.strict ? core.force(word, pos) : resolved(core.memory, word), pos);
    core.exports.leave();
    return value;
  }

  #convert(word: Word, pos: number): JsonValue {
    const { core, errors } = this.#evaluator;
    switch (kindOf(core.memory, word)) {
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
        return this.#string(word, pos);
      case 'list':
        return listElements(core.memory, addressOf(word)).map((element, index) => {
          const doing = `while evaluating list element at index ${mark(String(index))}`;
          return within(this.#evaluator, doing, () => this.convert(element, pos), pos);
        });
      case 'set':
        return this.#set(word, pos);
      default: {
        const at = this.#evaluator.positions.resolve(core.lambdaPosition(word) ?? pos);
        throw new EvalError('eval/type', `cannot convert ${mark(errors.describe(word))} to JSON`, { position: at });
      }
    }
  }

  #string(word: Word, pos: number): ByteString {
    const { core } = this.#evaluator;
    const { text, context } = core.coerce(
      word,
      this.#options.copies ? coerce.copy | coerce.canonical : coerce.canonical,
      '',
      pos,
    );
    this.context = core.exports.uniteContexts(this.context, context);
    return text;
  }

  #set(word: Word, pos: number): JsonValue {
    const { core } = this.#evaluator;
    const attrs = addressOf(word);
    const { toString, outPath } = this.#evaluator.symbols;
    if (core.lookup(attrs, toString) !== undefined) return this.#converted(word, pos);
    const path = core.lookup(attrs, outPath);
    if (path !== undefined) return this.convert(path.word, path.position);
    const members = new Map<ByteString, JsonValue>();
    for (const { symbol, position, word: value } of core.sortedAttributes(attrs)) {
      const name = core.nameOf(symbol);
      const doing = `while evaluating attribute '${mark(quoteName(name))}'`;
      members.set(
        name,
        within(this.#evaluator, doing, () => this.convert(value, position), position),
      );
    }
    return members;
  }

  /** What `__toString` makes of a set; a path that it gives is not copied. */
  #converted(word: Word, pos: number): ByteString {
    const { core } = this.#evaluator;
    const { text, context } = core.coerce(word, coerce.plain, '', pos);
    this.context = core.exports.uniteContexts(this.context, context);
    return text;
  }
}

function toJson(evaluator: Evaluator, args: number): Word {
  const { value, context } = toJsonValue(evaluator, argument(evaluator, args, 0));
  return evaluator.core.string(formatJsonText(value), context);
}

/** As `formatJson`, with C++ Nix's error for strings that are not UTF-8. */
export function formatJsonText(value: JsonValue, indent?: number): ByteString {
  try {
    return formatJson(value, indent);
  } catch (error) {
    const wrong = error instanceof NixCompatError && error.code === 'json/not-utf8' ? findNotUtf8(value) : undefined;
    if (wrong === undefined) throw error;
    throw new EvalError('eval/error', `JSON serialization error: ${mark(`[json.exception.type_error.316] ${wrong}`)}`);
  }
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

export const jsonBuiltins: readonly HostBuiltin[] = [
  { name: '__toJSON', arity: 1, call: toJson },
  { name: '__fromJSON', arity: 1, call: fromJson },
];
