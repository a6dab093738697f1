import type { ByteString } from '../../base/index.ts';
import { continuations } from './utf8.ts';

export type JsonToken =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number; readonly text: string }
  | { readonly kind: 'true' | 'false' | 'null' | '{' | '}' | '[' | ']' | ':' | ',' | 'end' }
  | { readonly kind: 'error'; readonly message: string };

const controlNames =
  'NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'.split(
    ' ',
  );
const shortEscapes: Readonly<Record<number, string>> = { 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r' };
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** What needs no second look inside a string. */
const plainRun = /[ !#-[\]-\x7f]+/y;

/**
 * The tokens of a JSON text, with the messages of the library that C++ Nix reads JSON with. What it calls the last read
 * starts at the last string or number, not at the last token.
 */
export class JsonLexer {
  readonly #text: ByteString;
  /** Bytes that were read; the end counts as one. */
  #at = 0;
  #readFrom = 0;

  constructor(text: ByteString) {
    this.#text = text;
  }

  get bytesRead(): number {
    return this.#at;
  }

  /** Line and column of the byte that was read last, as the library counts. */
  get place(): { readonly line: number; readonly column: number } {
    const before = this.#text.slice(0, Math.min(this.#at, this.#text.length));
    const lines = before.split('\n');
    return { line: lines.length, column: this.#at - (before.lastIndexOf('\n') + 1) };
  }

  /** What was read since the last string or number began. */
  get lastRead(): string {
    return this.#text.slice(this.#readFrom, this.#at).replaceAll(/[\x00-\x1f]/g, control => {
      return `<U+${control.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}>`;
    });
  }

  next(): JsonToken {
    if (this.#at === 0 && this.#text.startsWith('\xef')) {
      const isMark = this.#text.startsWith('\xef\xbb\xbf');
      // As far as the bytes are those of a mark, and the one after them.
      const wrong = this.#text[1] === '\xbb' ? 3 : 2;
      this.#at = isMark ? 3 : wrong;
      if (!isMark) return error('invalid BOM; must be 0xEF 0xBB 0xBF if given');
    }
    let char = this.#get();
    while (char === ' ' || char === '\t' || char === '\n' || char === '\r') char = this.#get();
    switch (char) {
      case '[':
      case ']':
      case '{':
      case '}':
      case ':':
      case ',':
        return { kind: char };
      case 't':
        return this.#literal('true');
      case 'f':
        return this.#literal('false');
      case 'n':
        return this.#literal('null');
      case '"':
        return this.#string();
      case undefined:
      case '\0':
        return { kind: 'end' };
      default:
        return char === '-' || isDigit(char) ? this.#number(char) : error('invalid literal');
    }
  }

  #get(): string | undefined {
    return this.#text[this.#at++];
  }

  #literal(word: 'true' | 'false' | 'null'): JsonToken {
    for (let i = 1; i < word.length; i++) if (this.#get() !== word[i]) return error('invalid literal');
    return { kind: word };
  }

  #number(first: string): JsonToken {
    const start = this.#at - 1;
    this.#readFrom = start;
    let isFloat = false;
    let char: string | undefined = first;
    if (char === '-') {
      char = this.#get();
      if (!isDigit(char)) return error("invalid number; expected digit after '-'");
    }
    if (char === '0') char = this.#get();
    else while (isDigit(char)) char = this.#get();
    if (char === '.') {
      isFloat = true;
      char = this.#get();
      if (!isDigit(char)) return error("invalid number; expected digit after '.'");
      while (isDigit(char)) char = this.#get();
    }
    if (char === 'e' || char === 'E') {
      isFloat = true;
      char = this.#get();
      if (char === '+' || char === '-') {
        char = this.#get();
        if (!isDigit(char)) return error('invalid number; expected digit after exponent sign');
      } else if (!isDigit(char)) return error("invalid number; expected '+', '-', or digit after exponent");
      while (isDigit(char)) char = this.#get();
    }
    this.#at--;
    const text = this.#text.slice(start, this.#at);
    const integer = isFloat ? undefined : integerOf(text);
    return integer === undefined ? { kind: 'float', value: Number(text), text } : { kind: 'integer', value: integer };
  }

  #string(): JsonToken {
    this.#readFrom = this.#at - 1;
    let value = '';
    for (;;) {
      plainRun.lastIndex = this.#at;
      if (plainRun.test(this.#text)) {
        value += this.#text.slice(this.#at, plainRun.lastIndex);
        this.#at = plainRun.lastIndex;
      }
      const char = this.#get();
      if (char === undefined) return error('invalid string: missing closing quote');
      if (char === '"') return { kind: 'string', value };
      const code = char.charCodeAt(0);
      if (char === '\\') {
        const escaped = this.#escape();
        if (typeof escaped !== 'string') return escaped;
        value += escaped;
      } else if (code < 0x20) return error(describeControl(code));
      else {
        const start = this.#at - 1;
        if (!this.#readCharacter(code)) return error('invalid string: ill-formed UTF-8 byte');
        value += this.#text.slice(start, this.#at);
      }
    }
  }

  #readCharacter(first: number): boolean {
    const ranges = continuations(first);
    return (
      ranges?.every(([low, high]) => {
        const byte = this.#get()?.charCodeAt(0) ?? 0;
        return byte >= low && byte <= high;
      }) ?? false
    );
  }

  /** What an escape stands for, in UTF-8. */
  #escape(): string | JsonToken {
    const char = this.#get();
    const simple = char === undefined ? undefined : escapes[char];
    if (simple !== undefined) return simple;
    if (char !== 'u') return error('invalid string: forbidden character after backslash');
    const first = this.#codeUnit();
    if (first === undefined) return error("invalid string: '\\u' must be followed by 4 hex digits");
    if (first >= 0xdc00 && first <= 0xdfff) {
      return error('invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF');
    }
    if (first < 0xd800 || first > 0xdfff) return utf8Of(first);
    const unpaired = error('invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF');
    if (this.#get() !== '\\' || this.#get() !== 'u') return unpaired;
    const second = this.#codeUnit();
    if (second === undefined) return error("invalid string: '\\u' must be followed by 4 hex digits");
    if (second < 0xdc00 || second > 0xdfff) return unpaired;
    return utf8Of(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
  }

  #codeUnit(): number | undefined {
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const char = this.#get();
      if (char === undefined || !/[0-9a-fA-F]/.test(char)) return undefined;
      value = value * 16 + Number.parseInt(char, 16);
    }
    return value;
  }
}

function error(message: string): JsonToken {
  return { kind: 'error', message };
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}

function utf8Of(codePoint: number): string {
  return Buffer.from(String.fromCodePoint(codePoint)).toString('latin1');
}

/** Undefined for what neither a signed nor an unsigned integer of 64 bits holds. */
function integerOf(text: string): bigint | undefined {
  // Twenty digits and a sign at most: longer ones need no conversion to be known as too large.
  if (text.length > 21) return undefined;
  const value = BigInt(text);
  return value < -(2n ** 63n) || value >= 2n ** 64n ? undefined : value;
}

function describeControl(code: number): string {
  const hex = code.toString(16).toUpperCase().padStart(4, '0');
  const short = shortEscapes[code];
  const alternative = short === undefined ? '' : ` or \\${short}`;
  return `invalid string: control character U+${hex} (${controlNames[code]}) must be escaped to \\u${hex}${alternative}`;
}
