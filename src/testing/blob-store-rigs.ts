import { setImmediate } from 'node:timers/promises';
import {
  type BlobBatch,
  type BlobStore,
  type CallOptions,
  type Digest,
  type ReadOptions,
  chunksOf,
  equalDigests,
} from '../castore/index.ts';
import type { OpenBlobStore } from './blob-store-suite.ts';

/** For stores that need nothing to be opened and disposed of. */
export function opened(make: () => BlobStore): OpenBlobStore {
  return () => Promise.resolve({ store: make(), [Symbol.asyncDispose]: () => Promise.resolve() });
}

/** Counts the calls, delays reads, and fails on request. */
export class CountingBlobStore implements BlobStore {
  readonly #store: BlobStore;
  readonly counts = { findMissing: 0, get: 0, open: 0, batch: 0 };
  /** Turns of the event loop that a read takes. */
  turns = 0;
  /** Thrown by reads. */
  failure: Error | undefined;
  /** Thrown by `batch`. */
  batchFailure: Error | undefined;
  /** Thrown by the additions of a batch; a stream's after its first chunk. */
  putFailure: Error | undefined;
  /** The most reads that were under way at a time. */
  most = 0;
  #underWay = 0;

  constructor(store: BlobStore) {
    this.#store = store;
  }

  findMissing(digests: readonly Digest[], options?: CallOptions): Promise<Digest[]> {
    this.counts.findMissing++;
    return this.#read(() => this.#store.findMissing(digests, options));
  }

  get(digest: Digest, options?: CallOptions & { readonly limit?: number }): Promise<Uint8Array | undefined> {
    this.counts.get++;
    return this.#read(() => this.#store.get(digest, options));
  }

  open(digest: Digest, options?: ReadOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.counts.open++;
    return this.#read(() => this.#store.open(digest, options));
  }

  batch(): BlobBatch {
    this.counts.batch++;
    if (this.batchFailure !== undefined) throw this.batchFailure;
    const batch = this.#store.batch();
    const { putFailure } = this;
    if (putFailure === undefined) return batch;
    return {
      put: () => Promise.reject(putFailure),
      putStream: async source => {
        for await (const _ of source) break;
        throw putFailure;
      },
      commit: options => batch.commit(options),
      [Symbol.asyncDispose]: () => batch[Symbol.asyncDispose](),
    };
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay++;
    this.most = Math.max(this.most, this.#underWay);
    try {
      for (let turn = 0; turn < this.turns; turn++) await setImmediate();
      if (this.failure !== undefined) throw this.failure;
      return await work();
    } finally {
      this.#underWay--;
    }
  }
}

/** Has one blob, and gives other bytes for it. */
export class LyingBlobStore implements BlobStore {
  readonly #digest: Digest;
  readonly #bytes: Uint8Array;

  constructor(digest: Digest, bytes: Uint8Array) {
    this.#digest = digest;
    this.#bytes = bytes;
  }

  findMissing(digests: readonly Digest[]): Promise<Digest[]> {
    return Promise.resolve(digests.filter(digest => !equalDigests(digest, this.#digest)));
  }

  get(digest: Digest): Promise<Uint8Array | undefined> {
    return Promise.resolve(equalDigests(digest, this.#digest) ? this.#bytes : undefined);
  }

  open(digest: Digest, options?: ReadOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
    return Promise.resolve(equalDigests(digest, this.#digest) ? chunksOf(this.#bytes, options) : undefined);
  }

  batch(): BlobBatch {
    throw new TypeError('this store takes nothing');
  }
}
