import { type ByteString, byteStringFromText, preferHugePages } from '../base/index.ts';
import { type CoreImports, type CoreKind, coreModule } from '../syntax/index.ts';
import type { CoreExports } from './core-exports.ts';
import { CoreMemory, stringHeader } from './core-memory.ts';
import { type Word, addressOf, kindOf, resolved, setWordAt, wordAt } from './word.ts';

/** An instance of the core, with its memory and the conversions between its values and ours. */
export class Core {
  readonly exports: CoreExports;
  readonly memory: CoreMemory;
  /** A word that is nobody's between two calls. */
  readonly #scratch: number;
  readonly #symbols = new Map<ByteString, number>();
  readonly #texts = new Map<string, number>();
  /** By symbol. */
  readonly #names: (ByteString | undefined)[] = [];

  constructor(imports: CoreImports, kind: CoreKind = 'plain') {
    // Not before there is a memory: the core grows it while it starts.
    let grown = ignoreGrowth;
    const { host = {} } = imports;
    const instance = new WebAssembly.Instance(coreModule(kind), {
      ...imports,
      host: { ...host, memoryGrown: () => grown() },
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what src/core/index.ts exports, by name
    this.exports = instance.exports as unknown as CoreExports;
    this.memory = new CoreMemory(this.exports.memory);
    grown = () => this.memory.refresh();
    this.exports.start();
    preferHugePages(this.memory.bytes(this.exports.memoryUsed(), firstValues));
    this.#scratch = this.exports.allocate(8);
  }

  /** Calls `work` with an address for a word, and returns the word that it puts there. */
  receive(work: (at: number) => void): Word {
    work(this.#scratch);
    return wordAt(this.memory, this.#scratch);
  }

  /** A StringObject of these bytes. */
  newString(text: ByteString, context = 0): number {
    const address = this.exports.newString(text.length, context);
    this.memory.setByteString(address + stringHeader, text);
    return address;
  }

  newBytes(bytes: Uint8Array, context = 0): number {
    const address = this.exports.newString(bytes.byteLength, context);
    this.memory.setBytes(address + stringHeader, bytes);
    return address;
  }

  /** The symbol of a name. */
  intern(text: ByteString): number {
    let symbol = this.#symbols.get(text);
    if (symbol === undefined) {
      const name = this.newString(text);
      symbol = this.exports.intern(name + stringHeader, text.length);
      this.#symbols.set(text, symbol);
    }
    return symbol;
  }

  internText(text: string): number {
    return this.intern(byteStringFromText(text));
  }

  nameOf(symbol: number): ByteString {
    return (this.#names[symbol] ??= this.memory.string(this.exports.nameOf(symbol)));
  }

  /** The address of a copy of a word, for the core's functions that take one from memory. */
  place(word: Word): number {
    const at = this.exports.allocate(8);
    setWordAt(this.memory, at, word);
    return at;
  }

  /** What a StringObject says, and its context. */
  contextString(string: number): { readonly text: ByteString; readonly context: number } {
    return { text: this.memory.string(string), context: this.memory.contextOf(string) };
  }

  /** In weak head normal form. */
  force(word: Word, pos = 0): Word {
    const known = resolved(this.memory, word);
    if ((known.low & 7) !== 0) return known;
    return this.receive(at => {
      setWordAt(this.memory, at, word);
      this.exports.forceAt(at, pos);
    });
  }

  int(value: bigint): Word {
    const bits = BigInt.asUintN(64, value);
    return this.receive(at => this.exports.intTo(Number(bits & 0xffffffffn), Number(bits >> 32n), at));
  }

  float(value: number): Word {
    return this.receive(at => this.exports.floatTo(value, at));
  }

  path(text: ByteString): Word {
    const string = this.newString(text);
    return this.receive(at => this.exports.pathTo(string, at));
  }

  string(text: ByteString, context = 0): Word {
    return { low: this.newString(text, context) + 2, high: 0 };
  }

  list(words: readonly Word[]): Word {
    const list = this.exports.newList(words.length);
    for (const [index, word] of words.entries()) setWordAt(this.memory, list + 8 + index * 8, word);
    return { low: list + 4, high: 0 };
  }

  /** A set of these attributes; of several with the same name the first stays. */
  set(attributes: readonly (readonly [name: ByteString, word: Word])[]): Word {
    const entries = this.exports.newEntries(attributes.length);
    for (const [index, [name, word]] of attributes.entries()) {
      this.exports.setEntry(entries, index, this.intern(name), 0);
      setWordAt(this.memory, entries + index * 16 + 8, word);
    }
    return { low: this.exports.attrsOfEntries(entries, attributes.length) + 3, high: 0 };
  }

  /** The attribute of a set, with its position. */
  lookup(attrs: number, symbol: number): { readonly word: Word; readonly position: number } | undefined {
    const position = this.exports.lookupTo(attrs, symbol, this.#scratch);
    return position < 0 ? undefined : { word: wordAt(this.memory, this.#scratch), position };
  }

  /** Attributes of a set in the order of their symbols. */
  attributes(attrs: number): Attribute[] {
    const plain = this.exports.plainOf(attrs);
    const shape = this.memory.u32(plain);
    const count = this.memory.u32(shape);
    return Array.from({ length: count }, (_, index) => ({
      symbol: this.memory.u32(shape + 8 + index * 4),
      position: this.memory.u32(shape + 8 + (count + index) * 4),
      word: wordAt(this.memory, plain + 8 + index * 8),
    }));
  }

  /** Where the literal of a set is; 0 where it has none. */
  positionOfSet(attrs: number): number {
    return this.memory.u32(this.memory.u32(this.exports.plainOf(attrs)) + 4);
  }

  /** As `attributes`, in the order of their names' bytes. */
  sortedAttributes(attrs: number): Attribute[] {
    const all = this.attributes(attrs);
    const order = this.exports.sortedByName(this.memory.u32(this.exports.plainOf(attrs)));
    return all.map((_, index) => all[this.memory.u32(order + index * 4)]).filter(found => found !== undefined);
  }

  /** The contents and context of a string that something is made. `doing` is for errors of values that none is made of. */
  coerce(word: Word, flags: number, doing = '', pos = 0): { readonly text: ByteString; readonly context: number } {
    return this.contextString(this.exports.coerceAt(this.place(word), flags, pos, this.#textAddress(doing)));
  }

  /** A text as the core has those of its own: UTF-16, its length in bytes in front of it. */
  #textAddress(text: string): number {
    let address = this.#texts.get(text);
    if (address === undefined) {
      const bytes = Buffer.from(text, 'utf16le');
      address = this.exports.allocate(bytes.byteLength + 8) + 8;
      this.memory.setU32(address - 4, bytes.byteLength);
      this.memory.setBytes(address, bytes);
      this.#texts.set(text, address);
    }
    return address;
  }

  /** Calls a function; the value is in weak head normal form. */
  call(callee: Word, words: readonly Word[], pos = 0): Word {
    const at = this.exports.allocate(8 * (words.length + 1));
    setWordAt(this.memory, at, callee);
    for (const [index, word] of words.entries()) setWordAt(this.memory, at + 8 + index * 8, word);
    return this.receive(result => this.exports.callAt(at, at + 8, words.length, pos, result));
  }

  /** A cell for the call of a function. */
  delayCall(callee: Word, argument: Word): Word {
    const at = this.exports.allocate(16);
    setWordAt(this.memory, at, callee);
    setWordAt(this.memory, at + 8, argument);
    return this.receive(result => this.exports.delayCallTo(at, at + 8, result));
  }

  /** A tree as Nix prints it. */
  printTree(node: number): string {
    const before = this.exports.outputSize();
    this.exports.printTree(node);
    const text = this.memory.bytes(this.exports.outputStart() + before, this.exports.outputSize() - before).toString();
    this.exports.truncateOutput(before);
    return text;
  }

  /** Names of the formal arguments of a LambdaNode (src/core/ast.ts). */
  formals(lambda: number): ByteString[] {
    const count = this.memory.u32(lambda + 16);
    const formals = this.memory.u32(lambda + 20);
    return Array.from({ length: count }, (_, index) => this.nameOf(this.memory.u32(formals + index * 16)));
  }

  /** Where a lambda was written; undefined for other values. */
  lambdaPosition(word: Word): number | undefined {
    if (kindOf(this.memory, word) !== 'lambda') return undefined;
    return this.memory.u32(this.memory.u32(addressOf(word) + 4) + 4);
  }

  /** Whether a LambdaNode takes more arguments than it names. */
  lambdaIsOpen(lambda: number): boolean {
    return this.memory.bytes(lambda + 13, 1)[0] === 1;
  }

  /** The arguments that a LambdaNode names. */
  formalArguments(
    lambda: number,
  ): { readonly name: ByteString; readonly position: number; readonly hasDefault: boolean }[] {
    const formals = this.memory.u32(lambda + 20);
    return this.formals(lambda).map((name, index) => ({
      name,
      position: this.memory.u32(formals + index * 16 + 4),
      hasDefault: this.memory.u32(formals + index * 16 + 8) !== 0,
    }));
  }

  /** The path of a SelectNode: symbols, or nodes where the symbol is 0. */
  attributePath(select: number): { readonly symbol: number; readonly expression: number }[] {
    const count = this.memory.u32(select + 12);
    const elements = this.memory.u32(select + 16);
    return Array.from({ length: count }, (_, index) => ({
      symbol: this.memory.u32(elements + index * 24),
      expression: this.memory.u32(elements + index * 24 + 4),
    }));
  }

  /** Elements of a context: store objects, derivations with all that they need, outputs; each in the order of their paths. */
  context(context: number): ByteString[] {
    if (context === 0) return [];
    const count = this.memory.u32(context);
    return Array.from({ length: count }, (_, index) => this.nameOf(this.memory.u32(context + 8 + index * 4))).toSorted(
      compareElements,
    );
  }

  /** The context of these elements; 0 for none. */
  newContext(elements: Iterable<ByteString>): number {
    let context = 0;
    for (const element of elements) {
      context = this.exports.uniteContexts(context, this.exports.contextOfOne(this.intern(element)));
    }
    return context;
  }
}

/** Of context elements (`PATH`, `=DERIVATION`, `!OUTPUT!DERIVATION`). */
function compareElements(a: ByteString, b: ByteString): number {
  const [keyA, keyB] = [sortKey(a), sortKey(b)];
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}

function sortKey(element: ByteString): string {
  if (element.startsWith('=')) return `1${element}`;
  if (!element.startsWith('!')) return `0${element}`;
  const path = element.slice(element.lastIndexOf('!') + 1);
  return `2${path}${element}`;
}

/**
 * Bytes of the first values, for which large pages are asked: nearly all that memory first grows by. Where the system has none at hand,
 * it takes its time to make some, so that no more are asked for (docs/adr/0006).
 */
const firstValues = 240 * 1024 ** 2;

function ignoreGrowth(): void {}

export interface Attribute {
  readonly symbol: number;
  readonly position: number;
  readonly word: Word;
}
