import { isUtf8 } from 'node:buffer';

/** A string with its quotes: what it says, and how many bytes it takes. */
export type StringResult =
  | { readonly value: string; readonly length: number }
  /** `at` is relative to where the string starts. */
  | { readonly fault: { readonly form: string; readonly quote: string; readonly at: number } };

const escapes: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', '"': '"', '\\': '\\' };

/** The string that `rest` begins with. Keys are never of several lines. */
export function readTomlString(rest: string, isKey: boolean): StringResult {
  const quote = rest.slice(0, 1);
  const isLong = !isKey && rest.startsWith(quote.repeat(3));
  const form = `${isLong ? 'ml_' : ''}${quote === '"' ? 'basic' : 'literal'}`;
  return new StringReader(rest, { quote: isLong ? quote.repeat(3) : quote, form }).read();
}

class StringReader {
  readonly #text: string;
  readonly #quote: string;
  readonly #form: string;
  #at: number;

  constructor(text: string, { quote, form }: { readonly quote: string; readonly form: string }) {
    this.#text = text;
    this.#quote = quote;
    this.#form = form;
    this.#at = quote.length;
  }

  read(): StringResult {
    const isLong = this.#quote.length > 1;
    // A line break right behind the opening is no part of the string.
    if (isLong) this.#at += /^\r?\n/.exec(this.#text.slice(this.#at, this.#at + 2))?.[0].length ?? 0;
    let value = '';
    for (;;) {
      if (this.#text.startsWith(this.#quote, this.#at)) {
        // Up to two more quotes belong to the string.
        const extra = isLong ? this.#quotesAfter(this.#at + 3) : 0;
        value += this.#quote.slice(0, extra);
        const length = this.#at + extra + this.#quote.length;
        return isUtf8(Buffer.from(value, 'latin1')) ? { value, length } : this.#fault();
      }
      const char = this.#text[this.#at];
      if (char === '\\' && this.#quote.startsWith('"')) {
        const escaped = this.#escape(isLong);
        if (escaped === undefined) return this.#fault();
        value += escaped;
      } else {
        if (char === undefined || !this.#isAllowed(char, isLong)) return this.#fault();
        value += char;
        this.#at++;
      }
    }
  }

  #quotesAfter(start: number): number {
    let count = 0;
    while (count < 2 && this.#text[start + count] === this.#quote[0]) count++;
    return count;
  }

  #fault(): StringResult {
    return { fault: { form: this.#form, quote: this.#quote, at: this.#at } };
  }

  #isAllowed(char: string, isLong: boolean): boolean {
    if (char === '\r') return isLong && this.#text[this.#at + 1] === '\n';
    if (char === '\n') return isLong;
    return char === '\t' || (char >= ' ' && char !== '\x7f');
  }

  /** What the escape at `#at` stands for; undefined if it is none. */
  #escape(isLong: boolean): string | undefined {
    const rest = this.#text.slice(this.#at + 1, this.#at + 10);
    const simple = escapes[rest[0] ?? ''];
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    const hex = /^(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))/.exec(rest);
    if (hex !== null) {
      const code = Number.parseInt(hex[1] ?? hex[2] ?? '', 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
      this.#at += 1 + hex[0].length;
      return Buffer.from(String.fromCodePoint(code)).toString('latin1');
    }
    if (!isLong) return undefined;
    // A backslash at the end of a line: all white space up to the next text is left out.
    const blank = /[ \t]*\r?\n[ \t\r\n]*/y;
    blank.lastIndex = this.#at + 1;
    if (!blank.test(this.#text)) return undefined;
    this.#at = blank.lastIndex;
    return '';
  }
}
