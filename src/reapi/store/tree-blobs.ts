import {
  type BlobBatch,
  type BlobStore,
  type CallOptions,
  type Digest,
  type ReadOptions,
  checkGetLimit,
  chunksOf,
  formatDigest,
} from '../../castore/index.ts';
import type { TreeDirectories } from './tree-message.ts';

/** A store, and the directories of one tree that came with it: they need not be asked for, nor be there. */
export class TreeBlobs implements BlobStore {
  readonly #store: BlobStore;
  readonly #directories: TreeDirectories;

  constructor(store: BlobStore, directories: TreeDirectories) {
    this.#store = store;
    this.#directories = directories;
  }

  hasDirectory(digest: Digest): boolean {
    return this.#directories.has(formatDigest(digest));
  }

  findMissing(digests: readonly Digest[], options?: CallOptions): Promise<Digest[]> {
    const others = digests.filter(digest => !this.#directories.has(formatDigest(digest)));
    return this.#store.findMissing(others, options);
  }

  async get(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): Promise<Uint8Array | undefined> {
    const own = this.#directories.get(formatDigest(digest));
    if (own === undefined) return this.#store.get(digest, options);
    options.signal?.throwIfAborted();
    checkGetLimit(digest, options);
    return own.bytes;
  }

  async open(digest: Digest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    const own = this.#directories.get(formatDigest(digest));
    return own === undefined ? this.#store.open(digest, options) : chunksOf(own.bytes, options);
  }

  batch(): BlobBatch {
    return this.#store.batch();
  }
}
