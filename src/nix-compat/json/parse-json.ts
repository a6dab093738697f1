import { isUtf8 } from 'node:buffer';
import { type ByteString, brandAs, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import type { JsonArray, JsonObject, JsonValue } from './json-value.ts';

/** Bytes of the longest JSON text that `parseJson` takes, unless told otherwise. */
export const defaultMaxJsonSize = 64 * 1024 * 1024;

/** Objects and arrays that may be open at once, unless told otherwise. */
export const defaultMaxJsonDepth = 10_000;

/** Values, at any depth, unless told otherwise. The smallest take a hundred times the memory that their text does. */
export const defaultMaxJsonValues = 8_000_000;

export interface ParseJsonOptions {
  readonly maxSize?: number;
  readonly maxDepth?: number;
  readonly maxValues?: number;
}

/**
 * Reads one JSON text (RFC 8259), deciding as C++ Nix's library does where the RFC leaves a choice: the last of equal
 * keys counts, integers beyond 64 bits become floating point, a byte order mark is skipped.
 * Throws `json/syntax`, `json/not-utf8`, `json/number-range`, `json/too-deep`, `json/too-large` or `json/too-many-values`.
 */
export function parseJson(text: ByteString, options: ParseJsonOptions = {}): JsonValue {
  const { maxSize = defaultMaxJsonSize } = options;
  if (text.length > maxSize) {
    throw new NixCompatError('json/too-large', `JSON of ${text.length} bytes is longer than the limit of ${maxSize}`);
  }
  requireUtf8(text);
  return new JsonReader(text, options).read();
}

const beyondAscii = /[^\u0000-\u007f]/;

function requireUtf8(text: ByteString): void {
  if (!beyondAscii.test(text)) return;
  const bytes = bytesOf(text);
  if (isUtf8(bytes)) return;
  const offset = validUtf8Prefix(bytes);
  throw new NixCompatError('json/not-utf8', `JSON is not UTF-8 at byte ${offset}`, { offset });
}

/** How many bytes from the start are whole characters, found with steps that halve, so in linear time. */
function validUtf8Prefix(bytes: Uint8Array): number {
  let good = 0;
  const grow = (step: number): boolean => {
    const valid = good + step <= bytes.length && isUtf8(bytes.subarray(good, good + step));
    if (valid) good += step;
    return valid;
  };
  for (let step = bytes.length; step > 4; step >>>= 1) while (grow(step));
  while (grow(1) || grow(2) || grow(3) || grow(4));
  return good;
}

/** Containers that are being filled. The key is that of the entry whose value is being read. */
type Open =
  | { readonly kind: 'array'; readonly items: JsonValue[] }
  | { readonly kind: 'object'; readonly entries: Map<ByteString, JsonValue>; key: ByteString };

const numberPattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);
const hex4 = /^[0-9a-fA-F]{4}$/;

class JsonReader {
  readonly #text: ByteString;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  #values = 0;
  #at: number;

  constructor(
    text: ByteString,
    { maxDepth = defaultMaxJsonDepth, maxValues = defaultMaxJsonValues }: ParseJsonOptions,
  ) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
    this.#at = text.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0;
  }

  /** No recursion: `stack` holds the containers that are open, so depth costs heap and not stack. */
  read(): JsonValue {
    const stack: Open[] = [];
    for (;;) {
      if (++this.#values > this.#maxValues) throw this.#tooManyValues();
      let value = this.#startValue(stack);
      while (value !== undefined) {
        const top = stack.at(-1);
        if (top === undefined) return this.#end(value);
        if (top.kind === 'array') top.items.push(value);
        else top.entries.set(top.key, value);
        value = this.#continueContainer(top, stack);
      }
    }
  }

  /** Reads a value, or opens a container and returns undefined when the next thing to read is a value within it. */
  #startValue(stack: Open[]): JsonValue | undefined {
    switch (this.#skipSpace()) {
      case '{':
        this.#enter(stack);
        if (this.#skipSpace() === '}') return this.#close(new Map());
        stack.push({ kind: 'object', entries: new Map(), key: this.#readKey() });
        return undefined;
      case '[':
        this.#enter(stack);
        if (this.#skipSpace() === ']') return this.#close([]);
        stack.push({ kind: 'array', items: [] });
        return undefined;
      case '"':
        return this.#readString();
      case 't':
        return this.#readWord('true', true);
      case 'f':
        return this.#readWord('false', false);
      case 'n':
        return this.#readWord('null', null);
      default:
        return this.#readNumber();
    }
  }

  /** After a value within `top`: undefined when another one follows, otherwise `top`'s value, closed. */
  #continueContainer(top: Open, stack: Open[]): JsonValue | undefined {
    const next = this.#skipSpace();
    if (next === ',') {
      this.#at++;
      if (top.kind === 'object') top.key = this.#readKey();
      return undefined;
    }
    if (top.kind === 'array' ? next !== ']' : next !== '}') {
      throw this.#unexpected(top.kind === 'array' ? `',' or ']'` : `',' or '}'`);
    }
    stack.pop();
    return this.#close(top.kind === 'array' ? top.items : top.entries);
  }

  #close(value: JsonArray | JsonObject): JsonValue {
    this.#at++;
    return value;
  }

  /** Consumes an opening bracket. */
  #enter(stack: readonly Open[]): void {
    if (stack.length >= this.#maxDepth) {
      const message = `JSON at byte ${this.#at} has more than ${this.#maxDepth} nested arrays and objects`;
      throw new NixCompatError('json/too-deep', message, { offset: this.#at });
    }
    this.#at++;
  }

  #end(value: JsonValue): JsonValue {
    if (this.#skipSpace() !== '') throw this.#unexpected('the end');
    return value;
  }

  /** The character at the next place that is not white space; empty at the end. */
  #skipSpace(): string {
    for (;;) {
      switch (this.#text.charCodeAt(this.#at)) {
        case 0x20:
        case 0x09:
        case 0x0a:
        case 0x0d:
          this.#at++;
          break;
        default:
          return this.#text.charAt(this.#at);
      }
    }
  }

  #readKey(): ByteString {
    if (this.#skipSpace() !== '"') throw this.#unexpected('a key in quotes');
    const key = this.#readString();
    if (this.#skipSpace() !== ':') throw this.#unexpected(`':'`);
    this.#at++;
    return key;
  }

  #readWord<T extends JsonValue>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected('a value');
    this.#at += word.length;
    return value;
  }

  #readNumber(): bigint | number {
    numberPattern.lastIndex = this.#at;
    const match = numberPattern.exec(this.#text);
    if (match === null) throw this.#unexpected('a value');
    const [text, fraction, exponent] = match;
    const start = this.#at;
    this.#at += text.length;
    // Twenty digits are the most that 64 bits need; longer ones are never made into a bigint.
    if (fraction === undefined && exponent === undefined && text.length <= 20) {
      const integer = BigInt(text);
      if (integer >= -(2n ** 63n) && integer < 2n ** 64n) return integer;
    }
    const number = Number(text);
    if (!Number.isFinite(number)) {
      const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text;
      throw new NixCompatError('json/number-range', `JSON number '${shown}' at byte ${start} is out of range`, {
        offset: start,
      });
    }
    return number;
  }

  #readString(): ByteString {
    const text = this.#text;
    let segment = ++this.#at;
    let decoded = '';
    for (;;) {
      const unit = text.charCodeAt(this.#at);
      if (unit === 0x22) {
        const last = text.slice(segment, this.#at++);
        return brandAs<ByteString>(decoded + last);
      }
      if (unit === 0x5c) {
        decoded += text.slice(segment, this.#at) + this.#readEscape();
        segment = this.#at;
      } else if (unit >= 0x20) {
        this.#at++;
      } else {
        throw this.#unexpected(`'"' (a string holds no control characters)`);
      }
    }
  }

  #readEscape(): string {
    const escape = this.#text.charAt(this.#at + 1);
    const simple = simpleEscapes.get(escape);
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    if (escape !== 'u') throw this.#unexpected('an escape sequence');
    const unit = this.#readCodeUnit();
    if (unit < 0xd800 || unit > 0xdfff) return byteStringFromText(String.fromCharCode(unit));
    const low = unit < 0xdc00 && this.#text.startsWith('\\u', this.#at) ? this.#readCodeUnit() : 0;
    if (low < 0xdc00 || low > 0xdfff) {
      this.#at -= low === 0 ? 6 : 12;
      throw this.#unexpected('a pair of surrogates');
    }
    return byteStringFromText(String.fromCharCode(unit, low));
  }

  /** The four digits of the `\u` that starts here. */
  #readCodeUnit(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!hex4.test(digits)) throw this.#unexpected(`four hexadecimal digits after '\\u'`);
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #tooManyValues(): NixCompatError {
    const message = `JSON at byte ${this.#at} has more than ${this.#maxValues} values`;
    return new NixCompatError('json/too-many-values', message, { offset: this.#at });
  }

  #unexpected(wanted: string): NixCompatError {
    const offset = this.#at;
    const rest = this.#text.slice(offset, offset + 20);
    const found = rest === '' ? 'it ends' : `found '${displayBytes(brandAs<ByteString>(rest))}'`;
    return new NixCompatError('json/syntax', `JSON at byte ${offset}: expected ${wanted}, ${found}`, { offset });
  }
}
