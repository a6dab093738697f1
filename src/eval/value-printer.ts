import { type ByteString, brandAs, displayBytes, unreachable } from '../base/index.ts';
import { formatShortFloat } from '../syntax/index.ts';
import type { CoreMemory } from './core-memory.ts';
import { EvalError } from './eval-error.ts';
import { type Word, addressOf, floatOf, intOf, kindOf, listElements, pathTextOf, resolved } from './word.ts';

/** What printing may do: values that are not evaluated yet are, or stay `«thunk»`. */
export interface PrintOptions {
  readonly colours?: boolean;
  readonly maxDepth?: number;
  /** For the whole of what is printed. */
  readonly maxAttrs?: number;
  readonly maxListItems?: number;
  /** In bytes. */
  readonly maxStringLength?: number;
  /** Columns by which nested values are indented; values are on one line unless given. */
  readonly indent?: number;
  /** Evaluates what is printed. Errors of what a value contains are shown in its place; others are thrown. */
  readonly evaluation?: PrintedEvaluation;
}

/** What printing needs where it evaluates. */
export interface PrintedEvaluation {
  /** In weak head normal form. Throws EvalError. */
  force(word: Word): Word;
  /** What a set stands for that is a derivation: its store path, if it has one. Throws EvalError. */
  derivationOf(attrs: number): { readonly path: string | undefined } | undefined;
  /** Visits elements in order; errors of one end that. */
  forEach<T>(items: readonly T[], visit: (item: T, index: number) => void): void;
  /** Values may be nested so deep. */
  readonly deepest: number;
}

/** Values in messages may be of any size. */
export const errorPrintOptions: PrintOptions = {
  colours: true,
  maxDepth: 10,
  maxAttrs: 10,
  maxListItems: 10,
  maxStringLength: 1024,
};

/** What printing asks of whoever knows more than the memory. */
export interface PrintedWorld {
  readonly memory: CoreMemory;
  nameOf(symbol: number): ByteString;
  builtinName(id: number): string;
  /** `FILE:LINE:COLUMN` */
  place(position: number): string;
  /** What messages call a path. */
  showPath(path: string): string;
  /** Names and words of a set, in no particular order. */
  attributes(attrs: number): readonly { readonly name: ByteString; readonly word: Word }[];
}

const blue = '\u001B[34;1m';
const cyan = '\u001B[36;1m';
const faint = '\u001B[2m';
const green = '\u001B[32;1m';
const magenta = '\u001B[35;1m';
const red = '\u001B[31;1m';
const normal = '\u001B[0m';
const colours = /\u001B\[[0-9;]*m/g;

/** The value of `word` as Nix writes it, as far as it is evaluated. */
export function printValue(world: PrintedWorld, word: Word, options: PrintOptions = {}): string {
  return new ValuePrinter(world, options).print(word);
}

class ValuePrinter {
  readonly #world: PrintedWorld;
  readonly #options: PrintOptions;
  readonly #seen = new Set<number>();
  #attrs = 0;
  #items = 0;
  #indent = '';

  constructor(world: PrintedWorld, options: PrintOptions) {
    this.#world = world;
    this.#options = options;
  }

  print(word: Word): string {
    return this.#print(word, 0);
  }

  #colour(colour: string, text: string): string {
    return this.#options.colours === true ? `${colour}${text}${normal}` : text;
  }

  #print(word: Word, depth: number): string {
    const { evaluation } = this.#options;
    if (evaluation === undefined) return this.#printKnown(word, depth);
    if (depth > evaluation.deepest) {
      throw new EvalError('eval/stack-overflow', 'stack overflow; max-call-depth exceeded');
    }
    try {
      return this.#printKnown(evaluation.force(word), depth);
    } catch (error) {
      // Programs throw on purpose, but no program means to nest so deep.
      const isShown = error instanceof EvalError && error.code !== 'eval/stack-overflow' && depth > 0;
      if (!isShown) throw error;
      return this.#colour(red, `«error: ${error.message.replaceAll(colours, '')}»`);
    }
  }

  #printKnown(unresolved: Word, depth: number): string {
    const { memory } = this.#world;
    const word = resolved(memory, unresolved);
    const kind = kindOf(memory, word);
    switch (kind) {
      case 'thunk':
        return this.#colour(magenta, '«thunk»');
      case 'black-hole':
        return this.#colour(red, '«potential infinite recursion»');
      case 'int':
        return this.#colour(cyan, String(intOf(memory, word)));
      case 'float':
        return this.#colour(cyan, formatShortFloat(floatOf(memory, word)));
      case 'bool':
        return this.#colour(cyan, word.low === 15 ? 'false' : 'true');
      case 'null':
        return this.#colour(cyan, 'null');
      case 'string':
        return this.#string(memory.string(addressOf(word)));
      case 'path':
        return this.#colour(green, this.#world.showPath(displayBytes(memory.string(pathTextOf(memory, word)))));
      case 'list':
        return this.#list(addressOf(word), depth);
      case 'set':
        return this.#set(addressOf(word), depth);
      case 'lambda':
      case 'builtin':
      case 'partial':
      case 'external':
        return this.#colour(blue, `«${this.#function(addressOf(word), kind)}»`);
      default:
        return unreachable(kind);
    }
  }

  #string(text: ByteString): string {
    const { maxStringLength = Number.MAX_SAFE_INTEGER } = this.#options;
    const quoted = quoteString(text.slice(0, maxStringLength), text[maxStringLength]);
    if (text.length <= maxStringLength) return this.#colour(magenta, quoted);
    return this.#colour(magenta, `${quoted} ${this.#elided(text.length - maxStringLength, 'byte')}`);
  }

  #elided(count: number, thing: string): string {
    return this.#colour(faint, `«${count} ${thing}${count === 1 ? '' : 's'} elided»`);
  }

  #function(address: number, kind: string): string {
    const { memory } = this.#world;
    if (kind === 'lambda') {
      const node = memory.u32(address + 4);
      const name = memory.u32(node + lambdaNameOffset);
      const called = name === 0 ? '' : ` ${displayBytes(this.#world.nameOf(name))}`;
      return `lambda${called} @ ${this.#world.place(memory.u32(node + 4))}`;
    }
    const builtin = kind === 'builtin' ? address : memory.u32(address + 4);
    const name = this.#world.builtinName(memory.u32(builtin + 4));
    return `${kind === 'partial' ? 'partially applied ' : ''}primop ${name}`;
  }

  #space(): string {
    return `\n${this.#indent}`;
  }

  /** The parts of a value, which are indented deeper. */
  #forEach<T>(parts: readonly T[], visit: (part: T, index: number) => void): void {
    const outer = this.#indent;
    this.#indent += ' '.repeat(this.#options.indent ?? 0);
    const { evaluation } = this.#options;
    try {
      if (evaluation === undefined) for (const [index, part] of parts.entries()) visit(part, index);
      else evaluation.forEach(parts, visit);
    } finally {
      this.#indent = outer;
    }
  }

  /** Of several, or of one that has parts itself. */
  #isTall(words: readonly Word[]): boolean {
    const [only] = words;
    const { indent, evaluation } = this.#options;
    if (indent === undefined || only === undefined) return false;
    if (words.length > 1) return true;
    const part = evaluation === undefined ? only : evaluation.force(only);
    return ['list', 'set', 'thunk'].includes(kindOf(this.#world.memory, part));
  }

  #list(list: number, depth: number): string {
    const elements = listElements(this.#world.memory, list);
    if (elements.length > 0 && this.#repeated(list)) return this.#colour(magenta, '«repeated»');
    if (depth >= (this.#options.maxDepth ?? Number.MAX_SAFE_INTEGER)) return '[ ... ]';
    const { maxListItems = Number.MAX_SAFE_INTEGER } = this.#options;
    const tall = this.#isTall(elements);
    let text = '[';
    let isFull = false;
    this.#forEach(elements, (element, index) => {
      if (isFull) return;
      text += tall ? this.#space() : ' ';
      isFull = this.#items >= maxListItems;
      if (isFull) text += this.#elided(elements.length - index, 'item');
      else {
        text += this.#print(element, depth + 1);
        this.#items++;
      }
    });
    return `${text}${tall ? this.#space() : ' '}]`;
  }

  #set(attrs: number, depth: number): string {
    if (this.#repeated(attrs)) return this.#colour(magenta, '«repeated»');
    const derivation = this.#options.evaluation?.derivationOf(attrs);
    if (derivation !== undefined) {
      const { path } = derivation;
      return this.#colour(green, path === undefined ? '«derivation»' : `«derivation ${path}»`);
    }
    if (depth >= (this.#options.maxDepth ?? Number.MAX_SAFE_INTEGER)) return '{ ... }';
    const { maxAttrs = Number.MAX_SAFE_INTEGER } = this.#options;
    const order = maxAttrs === Number.MAX_SAFE_INTEGER ? byName : typeFirst;
    const sorted = this.#world.attributes(attrs).toSorted(order);
    const tall = this.#isTall(sorted.map(({ word }) => word));
    let text = '{';
    let isFull = false;
    this.#forEach(sorted, ({ name, word }, index) => {
      if (isFull) return;
      text += tall ? this.#space() : ' ';
      isFull = this.#attrs >= maxAttrs;
      if (isFull) text += this.#elided(sorted.length - index, 'attribute');
      else {
        text += `${quoteName(name)} = ${this.#print(word, depth + 1)};`;
        this.#attrs++;
      }
    });
    return `${text}${tall ? this.#space() : ' '}}`;
  }

  #repeated(address: number): boolean {
    if (this.#seen.has(address)) return true;
    this.#seen.add(address);
    return false;
  }
}

/** Whether the arguments of a LambdaNode have names (src/core/ast.ts). */
export function lambdaHasFormals(memory: CoreMemory, node: number): boolean {
  return memory.bytes(node + 12, 1)[0] === 1;
}

/** Where a LambdaNode has its name (src/core/ast.ts). */
export const lambdaNameOffset = 28;

interface Named {
  readonly name: ByteString;
}

function byName(a: Named, b: Named): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** What says of what kind a set is comes first, lest it be elided. */
function typeFirst(a: Named, b: Named): number {
  const isType = ({ name }: Named) => name === 'type' || name === '_type';
  return Number(isType(b)) - Number(isType(a)) || byName(a, b);
}

const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** In quotes; `next` is what follows the text where it is a part. */
function quoteString(text: string, next = ''): string {
  return displayBytes(quoteBytes(text, next));
}

/** As `quoteString`, as bytes. */
export function quoteBytes(text: string, next = ''): ByteString {
  const escaped = text.replaceAll(/["\\\n\r\t]|\$(?=\{)/g, found => escapes[found] ?? `\\${found}`);
  // A dollar sign at the end, with the brace beyond it.
  const whole = next === '{' && escaped.endsWith('$') ? `${escaped.slice(0, -1)}\\$` : escaped;
  return brandAs<ByteString>(`"${whole}"`);
}

const keywords = new Set(['assert', 'else', 'if', 'in', 'inherit', 'let', 'rec', 'then', 'with']);

/** A name as it is written in a set: in quotes where it is no identifier. */
export function quoteName(name: ByteString): string {
  return isIdentifier(name) ? name : quoteString(name);
}

/** As `quoteName`, as bytes. */
export function quoteNameBytes(name: ByteString): ByteString {
  return isIdentifier(name) ? name : quoteBytes(name);
}

function isIdentifier(name: ByteString): boolean {
  return /^[A-Za-z_][A-Za-z0-9_'-]*$/.test(name) && !keywords.has(name);
}
