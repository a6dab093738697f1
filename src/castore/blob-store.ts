import type { Digest } from './digest.ts';
import type { FileNode } from './node.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A range that reaches past the end is cut there; `blob/bad-range` when it is made of no sizes. */
export interface ReadOptions extends CallOptions {
  /** First byte wanted; 0 unless given. */
  readonly offset?: number;
  /** Number of bytes wanted; to the end unless given. */
  readonly length?: number;
  /** A hint: bytes of a chunk at most, for who has many readers; 1 MiB unless given. */
  readonly chunkSize?: number;
}

/**
 * Blobs by digest. Every backend and combinator implements this and passes `testing/blob-store-suite.ts`.
 *
 * - The empty blob is always present.
 * - What is read is what was put: a backend that finds other bytes throws `digest/mismatch` and never serves them.
 *   A range cannot be checked against a digest; a backend on storage that it does not trust reads it whole.
 * - A digest whose hash is known with another size names nothing: it is absent.
 * - Absence is `undefined`, an unreachable or broken backend throws.
 * - Bytes that are handed out may be shared and are not to be written to.
 */
export interface BlobStore {
  /** Those of `digests` that are absent, each once, in their order. */
  findMissing(digests: readonly Digest[], options?: CallOptions): Promise<Digest[]>;

  /** The whole blob, for those that are known to be small; `blob/too-large` beyond `limit` (64 MiB unless given). */
  get(digest: Digest, options?: CallOptions & { readonly limit?: number }): Promise<Uint8Array | undefined>;

  /** The blob as chunks of at most 1 MiB. A chunk is lent until the next is asked for. */
  open(digest: Digest, options?: ReadOptions): Promise<AsyncIterable<Uint8Array> | undefined>;

  /** Starts a batch of additions, which become durable and visible together. */
  batch(): BlobBatch;
}

/** Where a blob's bytes go that is read there and then. */
export interface ReadTarget {
  /** Memory of at least one byte for up to `size` bytes. */
  buffer(size: number): Uint8Array;
  /** Gets the next bytes, in memory that `buffer` gave or else lent. */
  take(chunk: Uint8Array): void;
}

/** A store whose blobs are on this machine's disk: `DiskBlobStore`. */
export interface SyncReader {
  /**
   * Reads all of a file's blob in pieces: each step blocks until one is read and taken, the end tells whether the blob was
   * there. To be gone through, or ended (`return`). Throws as reads of a `BlobStore` do, and what `take` throws.
   */
  readPieces(file: FileNode, target: ReadTarget): Generator<void, boolean>;
}

export interface PutOptions extends CallOptions {
  /** Bytes of another digest are refused with `digest/mismatch` (as soon as they are too many) and nothing of them is kept. */
  readonly expected?: Digest | undefined;
  /** A hint: the blob will be checked out as an executable file. */
  readonly executable?: boolean;
}

/**
 * Blobs on their way in. Nothing is promised before `commit` has resolved; then all of them are durable. Disposing an
 * uncommitted batch forgets them. Additions may run concurrently (the caller bounds how many); `commit` is called once,
 * after all of them have ended, and nothing is added after it.
 *
 * Until the batch is disposed of, no garbage collection takes what it added or found present, so what refers to the
 * blobs is committed between `commit` and disposal.
 */
export interface BlobBatch extends AsyncDisposable {
  /** Adds a blob that is at hand. The bytes are lent until the promise has settled. */
  put(bytes: Uint8Array, options?: PutOptions): Promise<Digest>;

  /** Adds a blob that comes in pieces, each lent until the next is asked for. */
  putStream(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options?: PutOptions): Promise<Digest>;

  commit(options?: CallOptions): Promise<void>;
}

export const defaultGetLimit = 64 * 1024 * 1024;

/** Adds one blob durably. */
export async function putBlob(store: BlobStore, bytes: Uint8Array): Promise<Digest> {
  await using batch = store.batch();
  const digest = await batch.put(bytes);
  await batch.commit();
  return digest;
}
