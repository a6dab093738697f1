import { type ByteString, brandAs } from '../../base/index.ts';
import { NixCompatError, type NixCompatErrorCode } from '../error.ts';
import { excerpt } from '../excerpt.ts';

const quote = 0x22;
const comma = 0x2c;
const closing = 0x5d;

/**
 * Reads the subset of the ATerm format that derivations use, from left to right and each byte a bounded number of
 * times. As lenient as C++ Nix: a list may start with a comma, may lack commas, and `\x` stands for `x`.
 */
export class AtermReader {
  readonly #text: ByteString;
  #at = 0;
  /** The first backslash at or after `#at`; beyond the end when there is none. */
  #backslash = -1;

  constructor(text: ByteString) {
    this.#text = text;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#at;
  }

  /** The next character, not consumed; empty at the end. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }

  expect(wanted: string): void {
    if (!this.#text.startsWith(wanted, this.#at)) {
      throw this.refuse('derivation/syntax', `expected string '${wanted}'`);
    }
    this.#at += wanted.length;
  }

  /** Consumes `]` and tells so, or else the comma that may stand before the next item. */
  endOfList(): boolean {
    const unit = this.#text.charCodeAt(this.#at);
    if (unit === comma || unit === closing) this.#at++;
    return unit === closing;
  }

  string(): ByteString {
    if (this.#text.charCodeAt(this.#at) !== quote) throw this.refuse('derivation/syntax', `expected string '"'`);
    const start = this.#at + 1;
    const end = this.#findQuote(start, start);
    if (this.#backslash < start) this.#backslash = this.#findBackslash(start);
    if (this.#backslash > end) {
      this.#at = end + 1;
      return brandAs<ByteString>(this.#text.slice(start, end));
    }
    return this.#escapedString(start, end);
  }

  /** An error at `offset`, by default where reading stands. */
  refuse(code: NixCompatErrorCode, complaint: string, offset: number = this.#at): NixCompatError {
    const rest = excerpt(this.#text.slice(offset, offset + 20));
    const found = rest === '' ? 'the end' : `'${rest}'`;
    return new NixCompatError(code, `${complaint}, found ${found} at byte ${offset}`, { offset });
  }

  /** A string from `start` with a backslash before `end`, the first quote. */
  #escapedString(start: number, end: number): ByteString {
    const text = this.#text;
    let decoded = '';
    let segment = start;
    let close = end;
    while (this.#backslash < close) {
      const escaped = this.#backslash + 1;
      decoded += text.slice(segment, this.#backslash) + unescape(text.charAt(escaped));
      segment = escaped + 1;
      if (close < segment) close = this.#findQuote(segment, start);
      this.#backslash = this.#findBackslash(segment);
    }
    this.#at = close + 1;
    return brandAs<ByteString>(decoded + text.slice(segment, close));
  }

  /** `start` is where the string began that the quote is to end. */
  #findQuote(from: number, start: number): number {
    const found = this.#text.indexOf('"', from);
    if (found < 0) throw this.refuse('derivation/syntax', 'unterminated string in derivation', start - 1);
    return found;
  }

  #findBackslash(from: number): number {
    const found = this.#text.indexOf('\\', from);
    return found < 0 ? this.#text.length : found;
  }
}

function unescape(character: string): string {
  switch (character) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return character;
  }
}
