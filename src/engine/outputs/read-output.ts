import type { Stats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { type ByteString, type TreeSink, brandAs, teeTree } from '../../base/index.ts';
import { type FsPath, type TreeBuilder, type WalkOptions, walkTree } from '../../castore/index.ts';
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
  /** Gets the tree as it is once it is rewritten; only hashed unless given. */
  readonly builder?: TreeBuilder;
  readonly inspect?: (stats: Stats, shown: () => FsPath) => void;
}

export interface OutputReading {
  /** Of the tree as it is once it is rewritten. */
  readonly narHash: NixHash;
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
 * files and targets of symlinks count, too. What is hashed, scanned and given to `builder` are the same bytes, whatever
 * somebody does to the files meanwhile. Throws as `walkTree`.
 */
export async function readOutput(at: string, options: ReadOutputOptions): Promise<OutputReading> {
  const { builder, rewrites = noRewrites, signal } = options;
  const scanner = new ReferenceScanner(options.scanFor);
  const result = new ResultHasher(options.address);
  const trees = builder === undefined ? result.trees : [...result.trees, builder];
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
    await builder?.drain();
    if (performance.now() - since < turnTime) continue;
    await turn();
    signal.throwIfAborted();
    since = performance.now();
  }
  finish();
  return { ...result.finish(), found: scanner.found };
}

const noRewrites: Rewrites = new Map();

function textRewrites(rewrites: Rewrites): [ByteString, ByteString][] {
  return Array.from(rewrites, ([from, to]) => [brandAs<ByteString>(from), brandAs<ByteString>(to)]);
}

function walkOptions({ builder, rewrites = noRewrites, inspect }: ReadOutputOptions): WalkOptions {
  // Contents are read to where they are added from, unless they are rewritten on the way.
  const inPlace = rewrites.size === 0 ? builder : undefined;
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
  readonly #nar = new Hasher('sha256');
  #narSize = 0;
  readonly #modulo: ModuloHasher | undefined;
  readonly #content: { finish(): NixHash } | undefined;

  constructor(address: ReadOutputOptions['address']) {
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
    this.#nar.update(chunk);
    this.#modulo?.update(chunk);
    this.#narSize += chunk.byteLength;
  }

  finish(): Omit<OutputReading, 'found'> {
    return { narHash: this.#nar.finish(), narSize: this.#narSize, contentHash: this.#content?.finish() };
  }
}
