import type { Stats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { type ByteString, type TreeSink, brandAs, teeTree } from '../../base/index.ts';
import { type FsPath, type TreeReceiver, type WalkOptions, walkTree } from '../../castore/index.ts';
import {
  type ContentAddressKind,
  Hasher,
  ModuloHasher,
  NarReader,
  NarWriter,
  type NixHash,
  ReferenceScanner,
  Rewriter,
} from '../../nix-compat/index.ts';
import { contentHasher } from '../../store/index.ts';

/** Hash parts of store paths, in pairs. */
export type Rewrites = ReadonlyMap<string, string>;

export interface ReadOutputOptions {
  readonly signal: AbortSignal;
  /** Hash parts to look for. */
  readonly scanFor: Iterable<string>;
  /** Hash parts that are replaced; none unless given. */
  readonly rewrites?: Rewrites;
  /** How the contents are hashed, with the output's own hash part (after rewriting) taken for zero bytes. */
  readonly address?: (ContentAddressKind & { readonly hashPart: string }) | undefined;
  /**
   * Whether the NAR's hash may be left out where it is neither that of the contents nor needed before the next pass: hashing
   * is most of the work.
   */
  readonly sparesNarHash?: boolean;
  /** Gets the tree as it is once it is rewritten; only hashed unless given. */
  readonly receiver?: TreeReceiver;
  readonly inspect?: (stats: Stats, shown: () => FsPath) => void;
}

export interface OutputReading {
  /** Of the tree as it is once it is rewritten; undefined where it was spared. */
  readonly narHash: NixHash | undefined;
  readonly narSize: number;
  /** As `address` asks for. */
  readonly contentHash: NixHash | undefined;
  /** Those of `scanFor` that were found in the tree before it was rewritten. */
  readonly found: ReadonlySet<string>;
}

/** In milliseconds, before the thread is given to others. */
const turnTime = 20;

/**
 * Reads what a builder left, once. The NAR is scanned and rewritten as one text, as C++ Nix does it, so that names of
 * files and targets of symlinks count, too. What is hashed, scanned and given to `receiver` are the same bytes, whatever
 * somebody does to the files meanwhile. Throws as `walkTree`.
 */
export async function readOutput(at: string, options: ReadOutputOptions): Promise<OutputReading> {
  const { receiver, rewrites = noRewrites, signal } = options;
  const scanner = new ReferenceScanner(options.scanFor);
  const result = new ResultHasher(options);
  const trees = receiver === undefined ? result.trees : [...result.trees, receiver];
  let sink: TreeSink;
  let finish: () => void;
  if (rewrites.size === 0) {
    const nar = new NarWriter(chunk => {
      scanner.update(chunk);
      result.update(chunk);
    });
    sink = teeTree(nar, ...trees);
    finish = () => {};
  } else {
    const reader = trees.length === 0 ? undefined : new NarReader(teeTree(...trees));
    const rewriter = new Rewriter(textRewrites(rewrites), chunk => {
      result.update(chunk);
      reader?.push(chunk);
    });
    sink = new NarWriter(chunk => {
      scanner.update(chunk);
      rewriter.update(chunk);
    });
    finish = () => {
      rewriter.finish();
      reader?.end();
    };
  }
  let since = performance.now();
  for (const _ of walkTree(at, sink, walkOptions(options))) {
    await receiver?.drain();
    if (performance.now() - since < turnTime) continue;
    await turn();
    signal.throwIfAborted();
    since = performance.now();
  }
  finish();
  return { ...result.finish(scanner.found), found: scanner.found };
}

export const noRewrites: Rewrites = new Map();

function textRewrites(rewrites: Rewrites): [ByteString, ByteString][] {
  return Array.from(rewrites, ([from, to]) => [brandAs<ByteString>(from), brandAs<ByteString>(to)]);
}

function walkOptions({ receiver, rewrites = noRewrites, inspect }: ReadOutputOptions): WalkOptions {
  // Contents are read to where they are added from, unless they are rewritten on the way.
  const inPlace = rewrites.size === 0 ? receiver : undefined;
  return {
    grantReading: true,
    ...(inspect === undefined ? {} : { inspect }),
    ...(inPlace === undefined ? {} : { buffer: size => inPlace.roomForData(size) }),
  };
}

/** Hashes of the rewritten tree. */
class ResultHasher {
  /** What has to get the tree's events, besides the NAR's bytes. */
  readonly trees: readonly TreeSink[];
  readonly #nar: Hasher | undefined;
  #narSize = 0;
  readonly #modulo: ModuloHasher | undefined;
  readonly #content: { finish(): NixHash } | undefined;
  readonly #hashPart: string | undefined;

  constructor({ address, sparesNarHash = false }: ReadOutputOptions) {
    this.#hashPart = address?.hashPart;
    // The hash of the contents is then that of the NAR, but where the output refers to itself.
    const isSpared = sparesNarHash && address?.method === 'nar' && address.algorithm === 'sha256';
    this.#nar = isSpared ? undefined : new Hasher('sha256');
    if (address?.method === 'nar') {
      this.#modulo = new ModuloHasher(address.algorithm, address.hashPart);
      this.#content = this.#modulo;
      this.trees = [];
    } else {
      const content = address === undefined ? undefined : contentHasher(address);
      this.#content = content;
      this.trees = content === undefined ? [] : [content.sink];
    }
  }

  update(chunk: Uint8Array): void {
    this.#nar?.update(chunk);
    this.#modulo?.update(chunk);
    this.#narSize += chunk.byteLength;
  }

  finish(found: ReadonlySet<string>): Omit<OutputReading, 'found'> {
    const contentHash = this.#content?.finish();
    const isPlain = this.#hashPart === undefined || !found.has(this.#hashPart);
    const narHash = this.#nar === undefined ? (isPlain ? contentHash : undefined) : this.#nar.finish();
    return { narHash, narSize: this.#narSize, contentHash };
  }
}
