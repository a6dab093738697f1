import { type ByteString, byteStringOf, bytesOf } from '../base/index.ts';
import { type CoreImports, coreModule } from './core-module.ts';
import { NixSyntaxError } from './error.ts';
import { type SyntaxFault, type Token, explainFault } from './explain.ts';
import type { Refusal } from './refusal.ts';
import { type Remark, type RemarkKind, remarkKinds } from './remark.ts';
import { syntaxHost } from './syntax-host.ts';

/** What this folder uses of the core's exports (src/core/index.ts). */
interface SyntaxExports {
  readonly memory: WebAssembly.Memory;
  allocate(size: number): number;
  memoryUsed(): number;
  intern(bytes: number, length: number): number;
  newStaticLayer(parent: number): number;
  addStaticName(layer: number, symbol: number, slot: number): void;
  parseText(start: number, length: number, options: number): number;
  bindTree(tree: number, layer: number): void;
  printTree(node: number): void;
  outputStart(): number;
  outputSize(): number;
  truncateOutput(size: number): void;
  tokenize(start: number, length: number, pipes: number, replBindings: number): number;
  tokensAddress(): number;
}

export interface ParseSettings {
  /** The folder that relative paths start from: absolute. */
  readonly basePath: ByteString;
  /** The user's home; undefined where paths in it are refused. */
  readonly homePath: ByteString | undefined;
  /** Whether `<|` and `|>` are operators. */
  readonly allowsPipes: boolean;
  /** Forms of literals to remark on. */
  readonly lints: readonly RemarkKind[];
  /** Whether the text is no expression but definitions that a user typed: `a = 1; inherit b;`. */
  readonly isDefinitions?: boolean;
  /** Called for what is remarked on, in the order of the reference; may throw. Positions are offsets plus 1. */
  readonly onRemark: (remark: Remark) => void;
}

/** Those of the settings that decide what tokens there are. */
export type TokenSettings = Partial<Pick<ParseSettings, 'allowsPipes' | 'isDefinitions'>>;

/** Offsets are one less than positions: 0 is no position. */
export const positionBase = 1;

const stringHeader = 8;
const optionsSize = 28;

/**
 * An instance of the core that only parses. What it parses stays in its memory until the whole is dropped, so a process that
 * parses without end makes a new one from time to time.
 */
export class SyntaxCore {
  readonly #core: SyntaxExports;
  #onRemark: (remark: Remark) => void = () => undefined;
  #onRefusal: ((refusal: Refusal) => boolean) | undefined;

  constructor() {
    const host = syntaxHost({
      bytes: (address, length) => this.#bytes(address, length),
      string: address => byteStringOf(this.#bytes(address + stringHeader, this.#u32(address))),
      newString: text => this.#newString(bytesOf(text)),
      onRemark: remark => this.#onRemark(remark),
      onRefusal: refusal => this.#onRefusal?.(refusal) ?? false,
    });
    const instance = new WebAssembly.Instance(coreModule(), importsWith(host));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what src/core/index.ts exports, by name
    this.#core = instance.exports as unknown as SyntaxExports;
  }

  /** A static environment of these names, for `bind`. */
  newEnvironment(names: Iterable<string>): number {
    const layer = this.#core.newStaticLayer(0);
    let slot = 0;
    for (const name of names) {
      const bytes = Buffer.from(name);
      const symbol = this.#core.intern(this.#place(bytes), bytes.length);
      this.#core.addStaticName(layer, symbol, slot++);
    }
    return layer;
  }

  /** The tree of `text`, an address in the core. Throws a Refusal, or what `onRemark` throws. */
  parse(text: Uint8Array, settings: ParseSettings): number {
    this.#onRemark = settings.onRemark;
    const base = this.#newString(bytesOf(settings.basePath));
    const home = settings.homePath === undefined ? 0 : this.#newString(bytesOf(settings.homePath));
    const start = this.#place(text);
    const options = this.#core.allocate(optionsSize);
    const lints = settings.lints.reduce((bits, lint) => bits | (1 << remarkKinds.indexOf(lint)), 0);
    const fields = [
      base,
      0,
      home,
      positionBase,
      settings.allowsPipes ? 1 : 0,
      lints,
      settings.isDefinitions === true ? 1 : 0,
    ];
    this.#view().set(fields, options >>> 2);
    return guardStack(() => this.#core.parseText(start, text.byteLength, options)) >>> 0;
  }

  /** Finds what the names of a tree mean. Throws a Refusal for one that means nothing, unless `onUndefined` takes it. */
  bind(tree: number, environment: number, onUndefined?: (refusal: Refusal) => void): void {
    this.#onRefusal = refusal => {
      onUndefined?.(refusal);
      return onUndefined !== undefined;
    };
    try {
      guardStack(() => this.#core.bindTree(tree, environment));
    } finally {
      this.#onRefusal = undefined;
    }
  }

  /** Bytes that what was parsed so far takes. */
  get memoryUsed(): number {
    return this.#core.memoryUsed() >>> 0;
  }

  /** The tree as `nix-instantiate --parse` prints it. */
  print(tree: number): Buffer {
    this.#core.truncateOutput(0);
    guardStack(() => this.#core.printTree(tree));
    return Buffer.from(this.#bytes(this.#core.outputStart() >>> 0, this.#core.outputSize()));
  }

  /** The tokens of `text` up to its end. The kind of one that is refused has the reason in the bits from the ninth on. */
  tokenize(text: Uint8Array, { allowsPipes = true, isDefinitions = false }: TokenSettings = {}): Token[] {
    const start = this.#place(text);
    const count = this.#core.tokenize(start, text.byteLength, allowsPipes ? 1 : 0, isDefinitions ? 1 : 0);
    const at = this.#core.tokensAddress() >>> 2;
    const words = this.#view().subarray(at, at + count * 3);
    return Array.from({ length: count }, (_, index) => ({
      kind: words[index * 3] ?? 0,
      start: words[index * 3 + 1] ?? 0,
      end: words[index * 3 + 2] ?? 0,
    }));
  }

  /** What is wrong with a text that was refused for an unexpected token. */
  explain(text: Uint8Array, settings: TokenSettings): SyntaxFault | undefined {
    return explainFault(this.tokenize(text, settings));
  }

  #view(): Uint32Array {
    return new Uint32Array(this.#core.memory.buffer);
  }

  #u32(address: number): number {
    return this.#view()[address >>> 2] ?? 0;
  }

  #bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#core.memory.buffer, address, length);
  }

  /** Copies `bytes` into the core, with two zero bytes behind them. */
  #place(bytes: Uint8Array): number {
    const address = this.#core.allocate(bytes.byteLength + 2) >>> 0;
    new Uint8Array(this.#core.memory.buffer).set(bytes, address);
    return address;
  }

  #newString(bytes: Uint8Array): number {
    const address = this.#core.allocate(stringHeader + bytes.byteLength) >>> 0;
    this.#view()[address >>> 2] = bytes.byteLength;
    new Uint8Array(this.#core.memory.buffer).set(bytes, address + stringHeader);
    return address;
  }
}

/** The parser calls itself for what nests: how deep that may be is the stack's size. */
function guardStack<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new NixSyntaxError('syntax/too-deep', 'stack overflow (possible infinite recursion)');
  }
}

/** Everything else that the core imports is for evaluation, which does not happen here. */
function importsWith(host: CoreImports[string]): CoreImports {
  const imports: Record<string, Record<string, (...args: never[]) => unknown>> = {};
  for (const { module, name } of WebAssembly.Module.imports(coreModule())) {
    const functions = (imports[module] ??= {});
    functions[name] = host[name] ?? memoryHost[name] ?? (() => unavailable(name));
  }
  return imports;
}

const memoryHost: CoreImports[string] = {
  outOfMemory: () => {
    throw new NixSyntaxError('syntax/too-deep', 'out of memory while parsing');
  },
  memoryGrown: () => undefined,
};

function unavailable(name: string): never {
  throw new TypeError(`the core called ${name} while it parsed`);
}
