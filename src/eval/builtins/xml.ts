import { type ByteString, brandAs, byteStringFromText } from '../../base/index.ts';
import { formatShortFloat } from '../../syntax/index.ts';
import type { Evaluator } from '../evaluator.ts';
import { isDerivation } from '../packages.ts';
import { type Word, addressOf, floatOf, intOf, kindOf, listElements, pathTextOf, resolved } from '../word.ts';
import { argument } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

export interface XmlOptions {
  /** Whether values are evaluated; others are `unevaluated`. */
  readonly strict: boolean;
  /** Whether attributes and functions say where they are. */
  readonly locations: boolean;
}

/** A value as XML in Nix's own vocabulary, with what its strings depend on. */
export function toXml(
  evaluator: Evaluator,
  word: Word,
  options: XmlOptions,
): { readonly text: ByteString; readonly context: number } {
  const writer = new XmlWriter(evaluator, options);
  writer.write(word);
  return { text: writer.finish(), context: writer.context };
}

type XmlAttributes = readonly (readonly [name: string, value: string])[];

class XmlWriter {
  readonly #evaluator: Evaluator;
  readonly #options: XmlOptions;
  readonly #seen = new Set<string>();
  #text = "<?xml version='1.0' encoding='utf-8'?>\n<expr>\n";
  #depth = 1;
  context = 0;

  constructor(evaluator: Evaluator, options: XmlOptions) {
    this.#evaluator = evaluator;
    this.#options = options;
  }

  finish(): ByteString {
    return brandAs<ByteString>(`${this.#text}</expr>\n`);
  }

  #line(name: string, attributes: XmlAttributes, end: string): void {
    const written = attributes
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ` ${key}="${escape(value)}"`)
      .join('');
    this.#text += `${'  '.repeat(this.#depth)}<${name}${written}${end}>\n`;
  }

  #empty(name: string, attributes: XmlAttributes = []): void {
    this.#line(name, attributes, ' /');
  }

  #element(name: string, attributes: XmlAttributes, contents: () => void): void {
    this.#line(name, attributes, '');
    this.#depth++;
    contents();
    this.#depth--;
    this.#text += `${'  '.repeat(this.#depth)}</${name}>\n`;
  }

  write(unforced: Word): void {
    const { core } = this.#evaluator;
    const { memory } = core;
    const word = this.#options.strict ? core.force(unforced) : resolved(memory, unforced);
    switch (kindOf(memory, word)) {
      case 'int':
        return this.#empty('int', [['value', String(intOf(memory, word))]]);
      case 'float':
        return this.#empty('float', [['value', formatShortFloat(floatOf(memory, word))]]);
      case 'bool':
        return this.#empty('bool', [['value', word.low === 15 ? 'false' : 'true']]);
      case 'null':
        return this.#empty('null');
      case 'string':
        this.context = core.exports.uniteContexts(this.context, memory.contextOf(addressOf(word)));
        return this.#empty('string', [['value', memory.string(addressOf(word))]]);
      case 'path':
        return this.#empty('path', [['value', memory.string(pathTextOf(memory, word))]]);
      case 'list':
        return this.#element('list', [], () => {
          for (const element of listElements(memory, addressOf(word))) this.write(element);
        });
      case 'set':
        return this.#set(addressOf(word));
      case 'lambda':
        return this.#lambda(memory.u32(addressOf(word) + 4));
      default:
        return this.#empty('unevaluated');
    }
  }

  #set(attrs: number): void {
    if (!isDerivation(this.#evaluator, attrs)) return this.#element('attrs', [], () => this.#attributes(attrs));
    const drvPath = this.#stringOf(attrs, 'drvPath');
    const outPath = this.#stringOf(attrs, 'outPath');
    const attributes: [string, string][] = [];
    if (drvPath !== undefined) attributes.push(['drvPath', drvPath]);
    if (outPath !== undefined) attributes.push(['outPath', outPath]);
    this.#element('derivation', attributes, () => {
      if (drvPath === undefined || drvPath === '' || this.#seen.has(drvPath)) return this.#empty('repeated');
      this.#seen.add(drvPath);
      this.#attributes(attrs);
    });
  }

  #stringOf(attrs: number, name: string): string | undefined {
    const { core } = this.#evaluator;
    const found = core.lookup(attrs, core.internText(name));
    if (found === undefined) return undefined;
    const value = this.#options.strict ? core.force(found.word, found.position) : resolved(core.memory, found.word);
    return kindOf(core.memory, value) === 'string' ? core.memory.string(addressOf(value)) : undefined;
  }

  #attributes(attrs: number): void {
    const { core } = this.#evaluator;
    for (const { symbol, position, word } of core.sortedAttributes(attrs)) {
      const location = this.#location(position);
      this.#element('attr', [['name', core.nameOf(symbol)], ...location], () => this.write(word));
    }
  }

  #location(position: number): XmlAttributes {
    if (!this.#options.locations || position === 0) return [];
    const origin = this.#evaluator.positions.origin(position);
    const place = this.#evaluator.positions.resolve(position);
    const path: XmlAttributes = origin?.kind === 'file' ? [['path', byteStringFromText(origin.path)]] : [];
    return [...path, ['line', String(place?.line ?? 0)], ['column', String(place?.column ?? 0)]];
  }

  #lambda(node: number): void {
    const { core } = this.#evaluator;
    const { memory } = core;
    const whole = memory.u32(node + 8);
    const [hasFormals, ellipsis] = memory.bytes(node + 12, 2);
    this.#element('function', this.#location(memory.u32(node + 4)), () => {
      if (hasFormals !== 1) return this.#empty('varpat', [['name', core.nameOf(whole)]]);
      const attributes: [string, string][] = whole === 0 ? [] : [['name', core.nameOf(whole)]];
      if (ellipsis === 1) attributes.push(['ellipsis', '1']);
      const count = memory.u32(node + 16);
      const formals = memory.u32(node + 20);
      const names = Array.from({ length: count }, (_, index) => core.nameOf(memory.u32(formals + index * 16)));
      this.#element('attrspat', attributes, () => {
        for (const name of names.toSorted()) this.#empty('attr', [['name', name]]);
      });
    });
  }
}

const entities: Readonly<Record<string, string>> = {
  '"': '&quot;',
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '\n': '&#xA;',
};

function escape(text: string): string {
  return text.replaceAll(/["<>&\n]/g, found => entities[found] ?? found);
}

function toXmlValue(evaluator: Evaluator, args: number): Word {
  const { text, context } = toXml(evaluator, argument(evaluator, args, 0), { strict: true, locations: false });
  return evaluator.core.string(text, context);
}

export const xmlBuiltins: readonly HostBuiltin[] = [{ name: '__toXML', arity: 1, call: toXmlValue }];
