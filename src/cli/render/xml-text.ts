import { type ByteString, brandAs } from '../../base/index.ts';

/** By name; those that are undefined are left out. */
export type XmlAttributes = Readonly<Record<string, string | undefined>>;

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '&quot;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['&', '&amp;'],
  // Others would read it as a space.
  ['\n', '&#xA;'],
]);

/** A document of elements, each on lines of its own; attributes are sorted by name. */
export class XmlText {
  readonly #lines = ["<?xml version='1.0' encoding='utf-8'?>"];
  #depth = 0;

  open(name: string, attributes: XmlAttributes = {}): void {
    this.#line(`<${name}${format(attributes)}>`);
    this.#depth++;
  }

  close(name: string): void {
    this.#depth--;
    this.#line(`</${name}>`);
  }

  empty(name: string, attributes: XmlAttributes): void {
    this.#line(`<${name}${format(attributes)} />`);
  }

  get text(): ByteString {
    return brandAs<ByteString>(`${this.#lines.join('\n')}\n`);
  }

  #line(text: string): void {
    this.#lines.push('  '.repeat(this.#depth) + text);
  }
}

function format(attributes: XmlAttributes): string {
  const sorted = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${value.replaceAll(/["<>&\n]/g, escape)}"`))
    .join('');
}

function escape(char: string): string {
  return escapes.get(char) ?? char;
}
