import type { BlobBatch, BlobStore, CallOptions, ReadOptions } from '../blob-store.ts';
import { chunksOf, collectChunks } from '../chunks.ts';
import { type Digest, checkDigest, digestOf, formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';

export interface VerifyingOptions {
  /** Bytes of a blob that is held in memory while it is hashed; 16 MiB unless given. */
  readonly memoryLimit?: number;
  /** A trusted store where larger blobs wait for their verdict; without one they are refused with `blob/too-large`. */
  readonly spool?: BlobStore;
}

/**
 * Hashes whatever `store` gives before the first byte of it is served: bytes of another digest are `digest/mismatch`.
 * A range costs reading the whole blob. What is absent and what is added is `store`'s word alone.
 */
export class VerifyingBlobStore implements BlobStore {
  readonly #store: BlobStore;
  readonly #memoryLimit: number;
  readonly #spool: BlobStore | undefined;

  constructor(store: BlobStore, options: VerifyingOptions = {}) {
    this.#store = store;
    this.#memoryLimit = options.memoryLimit ?? 16 * 1024 * 1024;
    this.#spool = options.spool;
  }

  findMissing(digests: readonly Digest[], options?: CallOptions): Promise<Digest[]> {
    return this.#store.findMissing(digests, options);
  }

  async get(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): Promise<Uint8Array | undefined> {
    const bytes = await this.#store.get(digest, options);
    if (bytes !== undefined) checkDigest(digestOf(bytes), digest);
    return bytes;
  }

  async open(digest: Digest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { signal } = options;
    if (digest.size > this.#memoryLimit) return this.#openThroughSpool(digest, options);
    const chunks = await this.#store.open(digest, { signal });
    if (chunks === undefined) return undefined;
    const bytes = await collectChunks(chunks, digest);
    checkDigest(digestOf(bytes), digest);
    return chunksOf(bytes, options);
  }

  batch(): BlobBatch {
    return this.#store.batch();
  }

  async #openThroughSpool(digest: Digest, options: ReadOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { signal } = options;
    const spooled = await this.#spool?.open(digest, options);
    if (spooled !== undefined) return spooled;
    const chunks = await this.#store.open(digest, { signal });
    if (chunks === undefined) return undefined;
    if (this.#spool === undefined) {
      const message = `the blob ${formatDigest(digest)} is too large to be verified in memory; give its store a spool`;
      throw new CastoreError('blob/too-large', message);
    }
    await using batch = this.#spool.batch();
    await batch.putStream(chunks, { expected: digest, signal });
    await batch.commit({ signal });
    return await this.#spool.open(digest, options);
  }
}
