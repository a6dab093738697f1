import type { BlobBatch, BlobStore, CallOptions, PutOptions, ReadOptions } from '../blob-store.ts';
import { checkGetLimit, chunksOf } from '../chunks.ts';
import { type Digest, type Sha256, Digester, checkDigest, digestOf, emptyDigest, formatDigest } from '../digest.ts';

/** Blobs in a Map: for tests, and for what need not outlive the process. Nothing bounds it. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<Sha256, Uint8Array>([[emptyDigest.hash, new Uint8Array(0)]]);

  /** Of all blobs, the empty one included. */
  get digests(): readonly Digest[] {
    return Array.from(this.#blobs, ([hash, { byteLength }]) => ({ hash, size: byteLength }));
  }

  // oxlint-disable-next-line typescript/require-await -- a failure is a rejection
  async findMissing(digests: readonly Digest[], options: CallOptions = {}): Promise<Digest[]> {
    options.signal?.throwIfAborted();
    const missing = new Map<string, Digest>();
    for (const digest of digests) if (this.#find(digest) === undefined) missing.set(formatDigest(digest), digest);
    return [...missing.values()];
  }

  // oxlint-disable-next-line typescript/require-await -- a failure is a rejection
  async get(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): Promise<Uint8Array | undefined> {
    options.signal?.throwIfAborted();
    const bytes = this.#find(digest);
    if (bytes !== undefined) checkGetLimit(digest, options);
    return bytes;
  }

  // oxlint-disable-next-line typescript/require-await -- a failure is a rejection
  async open(digest: Digest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    options.signal?.throwIfAborted();
    const bytes = this.#find(digest);
    return bytes === undefined ? undefined : chunksOf(bytes, options);
  }

  batch(): BlobBatch {
    return new MemoryBatch(this.#blobs);
  }

  /** Forgets a blob; false if it was absent. The empty blob stays. */
  delete(digest: Digest): boolean {
    return this.#find(digest) !== undefined && digest.size > 0 && this.#blobs.delete(digest.hash);
  }

  #find(digest: Digest): Uint8Array | undefined {
    const bytes = this.#blobs.get(digest.hash);
    return bytes?.byteLength === digest.size ? bytes : undefined;
  }
}

class MemoryBatch implements BlobBatch {
  readonly #visible: Map<Sha256, Uint8Array>;
  readonly #added = new Map<Sha256, Uint8Array>();

  constructor(visible: Map<Sha256, Uint8Array>) {
    this.#visible = visible;
  }

  // oxlint-disable-next-line typescript/require-await -- a failure is a rejection
  async put(bytes: Uint8Array, options: PutOptions = {}): Promise<Digest> {
    options.signal?.throwIfAborted();
    const digest = digestOf(bytes);
    if (options.expected !== undefined) checkDigest(digest, options.expected);
    if (!this.#added.has(digest.hash)) this.#added.set(digest.hash, Uint8Array.from(bytes));
    return digest;
  }

  async putStream(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: PutOptions = {}): Promise<Digest> {
    const { expected, signal } = options;
    signal?.throwIfAborted();
    const digester = new Digester();
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) {
      signal?.throwIfAborted();
      digester.update(chunk, expected);
      chunks.push(Uint8Array.from(chunk));
    }
    signal?.throwIfAborted();
    const digest = digester.finish();
    if (expected !== undefined) checkDigest(digest, expected);
    if (!this.#added.has(digest.hash)) this.#added.set(digest.hash, Buffer.concat(chunks));
    return digest;
  }

  // oxlint-disable-next-line typescript/require-await -- a failure is a rejection
  async commit(options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    for (const [hash, bytes] of this.#added) if (!this.#visible.has(hash)) this.#visible.set(hash, bytes);
    this.#added.clear();
  }

  // oxlint-disable-next-line typescript/require-await -- the shape of every batch
  async [Symbol.asyncDispose](): Promise<void> {
    this.#added.clear();
  }
}
