import type { BlobBatch, BlobStore, CallOptions, ReadOptions } from '../blob-store.ts';
import { checkGetLimit, chunksOf } from '../chunks.ts';
import { type Digest, type Sha256, formatDigest } from '../digest.ts';
import { SingleFlight } from './single-flight.ts';

export interface CacheLimits {
  /** Bytes kept, all blobs together and a little for each; 64 MiB unless given. */
  readonly total?: number;
  /** Bytes of the largest blob kept; 256 KiB unless given. */
  readonly blob?: number;
}

/** What a kept blob costs beside its bytes: the key, the entry, the array. */
const overhead = 300;

/**
 * Keeps the small blobs that were read last in memory; large ones and everything else go to `store`. Concurrent reads
 * of one blob are one read. Presence is never answered from memory, since `store` may have lost the blob meanwhile.
 */
export class CachingBlobStore implements BlobStore {
  readonly #store: BlobStore;
  readonly #totalLimit: number;
  readonly #blobLimit: number;
  /** In the order of their last use, the latest last. */
  readonly #kept = new Map<Sha256, Uint8Array>();
  #cost = 0;
  readonly #reads = new SingleFlight<string, Uint8Array | undefined>();

  constructor(store: BlobStore, limits: CacheLimits = {}) {
    this.#store = store;
    this.#totalLimit = limits.total ?? 64 * 1024 * 1024;
    this.#blobLimit = Math.min(limits.blob ?? 256 * 1024, this.#totalLimit - overhead);
  }

  findMissing(digests: readonly Digest[], options?: CallOptions): Promise<Digest[]> {
    return this.#store.findMissing(digests, options);
  }

  async get(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): Promise<Uint8Array | undefined> {
    if (digest.size > this.#blobLimit) return this.#store.get(digest, options);
    const bytes = await this.#read(digest, options.signal);
    if (bytes !== undefined) checkGetLimit(digest, options);
    return bytes;
  }

  async open(digest: Digest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    if (digest.size > this.#blobLimit) return this.#store.open(digest, options);
    const bytes = await this.#read(digest, options.signal);
    return bytes === undefined ? undefined : chunksOf(bytes, options);
  }

  batch(): BlobBatch {
    return this.#store.batch();
  }

  async #read(digest: Digest, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    const kept = this.#kept.get(digest.hash);
    if (kept?.byteLength === digest.size) {
      this.#kept.delete(digest.hash);
      this.#kept.set(digest.hash, kept);
      return kept;
    }
    return this.#reads.run(formatDigest(digest), reading => this.#readAndKeep(digest, reading), signal);
  }

  async #readAndKeep(digest: Digest, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const bytes = await this.#store.get(digest, { signal });
    if (bytes === undefined || this.#kept.has(digest.hash)) return bytes;
    // A view of a larger buffer would keep all of it alive.
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
    this.#kept.set(digest.hash, own);
    this.#cost += own.byteLength + overhead;
    for (const [hash, { byteLength }] of this.#kept) {
      if (this.#cost <= this.#totalLimit) break;
      this.#kept.delete(hash);
      this.#cost -= byteLength + overhead;
    }
    return own;
  }
}
