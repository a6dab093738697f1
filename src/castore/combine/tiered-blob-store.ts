import { Semaphore, errnoOf, unreachable } from '../../base/index.ts';
import type { BlobBatch, BlobStore, CallOptions, ReadOptions } from '../blob-store.ts';
import { checkGetLimit, chunksOf } from '../chunks.ts';
import { type Digest, formatDigest } from '../digest.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { BothBatch } from './both-batch.ts';
import { SingleFlight } from './single-flight.ts';

export interface Tiers {
  readonly near: BlobStore;
  readonly far: BlobStore;
  /** Where additions go; `both` unless given. */
  readonly writes?: 'both' | 'near' | 'far';
  /** Bytes of the largest blob that a read copies to `near`; 256 MiB unless given. Larger ones are read from `far`. */
  readonly fillLimit?: number;
  /** Blobs on their way from `far` to `near` at a time; 16 unless given. */
  readonly concurrency?: number;
  /** Hears why `near` could not take a blob, which was then read from `far` alone. */
  readonly onFillFailure?: (error: unknown) => void;
  /** Hears of a blob that `near` has and cannot serve, since it is damaged there; it is read from `far`. */
  readonly onNearFailure?: (digest: Digest, error: unknown) => void;
}

/** Blobs up to this many bytes are copied through memory, and served from there. */
const wholeBlobLimit = 1024 * 1024;

/** A near blob has other bytes, or has gone since it was looked up. */
const ofOneBlob: ReadonlySet<CastoreErrorCode> = new Set<CastoreErrorCode>(['digest/mismatch', 'blob/missing']);

/** What became of copying a blob from far to near. */
type Fill =
  | { readonly outcome: 'absent' | 'filled' | 'failed' }
  | { readonly outcome: 'at hand'; readonly bytes: Uint8Array };

/**
 * A near store before a far one. What is only in `far` is copied to `near` when it is first read, once however many
 * read it at that time; the copy is checked against its digest on the way in. A `near` that cannot take it (a full
 * disk), or whose own is damaged, does not hinder reading.
 */
export class TieredBlobStore implements BlobStore {
  readonly #near: BlobStore;
  readonly #far: BlobStore;
  readonly #writes: 'both' | 'near' | 'far';
  readonly #fillLimit: number;
  readonly #onFillFailure: ((error: unknown) => void) | undefined;
  readonly #onNearFailure: ((digest: Digest, error: unknown) => void) | undefined;
  readonly #permits: Semaphore;
  readonly #fills = new SingleFlight<string, Fill>();

  constructor(tiers: Tiers) {
    this.#near = tiers.near;
    this.#far = tiers.far;
    this.#writes = tiers.writes ?? 'both';
    this.#fillLimit = tiers.fillLimit ?? 256 * 1024 * 1024;
    this.#onFillFailure = tiers.onFillFailure;
    this.#onNearFailure = tiers.onNearFailure;
    this.#permits = new Semaphore(tiers.concurrency ?? 16);
  }

  /** What neither store has. */
  async findMissing(digests: readonly Digest[], options?: CallOptions): Promise<Digest[]> {
    const missing = await this.#near.findMissing(digests, options);
    return missing.length === 0 ? missing : this.#far.findMissing(missing, options);
  }

  async get(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): Promise<Uint8Array | undefined> {
    try {
      const near = await this.#near.get(digest, options);
      if (near !== undefined) return near;
    } catch (error) {
      this.#nearFailed(digest, error);
      // A near store that takes the blob for present would not take it again.
      const far = await this.#far.get(digest, options);
      if (far === undefined) throw error;
      return far;
    }
    const fill = await this.#fill(digest, options.signal);
    switch (fill.outcome) {
      case 'absent':
        return undefined;
      case 'at hand':
        checkGetLimit(digest, options);
        return fill.bytes;
      case 'filled':
        return (await this.#near.get(digest, options)) ?? this.#far.get(digest, options);
      case 'failed':
        return this.#far.get(digest, options);
      default:
        return unreachable(fill);
    }
  }

  async open(digest: Digest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    try {
      const near = await this.#openNear(digest, options);
      if (near !== undefined) return near;
    } catch (error) {
      this.#nearFailed(digest, error);
      const far = await this.#far.open(digest, options);
      if (far === undefined) throw error;
      return far;
    }
    const fill = await this.#fill(digest, options.signal);
    switch (fill.outcome) {
      case 'absent':
        return undefined;
      case 'at hand':
        return chunksOf(fill.bytes, options);
      case 'filled':
        return (await this.#openNear(digest, options)) ?? this.#far.open(digest, options);
      case 'failed':
        return this.#far.open(digest, options);
      default:
        return unreachable(fill);
    }
  }

  async #openNear(digest: Digest, options: ReadOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
    const chunks = await this.#near.open(digest, options);
    return chunks === undefined ? undefined : this.#failOver(chunks, digest, options);
  }

  /** Goes on from `far` where `near` breaks off. */
  async *#failOver(
    chunks: AsyncIterable<Uint8Array>,
    digest: Digest,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void> {
    let given = 0;
    let far: AsyncIterable<Uint8Array> | undefined;
    try {
      for await (const chunk of chunks) {
        yield chunk;
        given += chunk.byteLength;
      }
    } catch (error) {
      this.#nearFailed(digest, error);
      const { offset = 0, length = Infinity } = options;
      far = await this.#far.open(digest, { ...options, offset: offset + given, length: length - given });
      if (far === undefined) throw error;
    }
    if (far !== undefined) yield* far;
  }

  /** Passes on what is not the trouble of one blob. */
  #nearFailed(digest: Digest, error: unknown): void {
    const damaged = error instanceof CastoreError ? ofOneBlob.has(error.code) : errnoOf(error) === 'EIO';
    if (!damaged) throw error;
    this.#onNearFailure?.(digest, error);
  }

  batch(): BlobBatch {
    switch (this.#writes) {
      case 'near':
        return this.#near.batch();
      case 'far':
        return this.#far.batch();
      case 'both':
        return new BothBatch(this.#near.batch(), this.#far.batch());
      default:
        return unreachable(this.#writes);
    }
  }

  #fill(digest: Digest, signal: AbortSignal | undefined): Promise<Fill> {
    if (digest.size > this.#fillLimit) return Promise.resolve({ outcome: 'failed' });
    return this.#fills.run(
      formatDigest(digest),
      async filling => {
        using _permit = await this.#permits.acquire(filling);
        // Awaited here, for as long as the permit is held.
        return await (digest.size <= wholeBlobLimit
          ? this.#fillWhole(digest, filling)
          : this.#fillStream(digest, filling));
      },
      signal,
    );
  }

  async #fillWhole(digest: Digest, signal: AbortSignal): Promise<Fill> {
    const bytes = await this.#far.get(digest, { signal });
    if (bytes === undefined) return { outcome: 'absent' };
    try {
      await using batch = this.#near.batch();
      await batch.put(bytes, { expected: digest, signal });
      await batch.commit({ signal });
    } catch (error) {
      this.#fillFailed(error, signal);
    }
    return { outcome: 'at hand', bytes };
  }

  async #fillStream(digest: Digest, signal: AbortSignal): Promise<Fill> {
    const chunks = await this.#far.open(digest, { signal });
    if (chunks === undefined) return { outcome: 'absent' };
    try {
      await using batch = this.#near.batch();
      await batch.putStream(chunks, { expected: digest, signal });
      await batch.commit({ signal });
      return { outcome: 'filled' };
    } catch (error) {
      this.#fillFailed(error, signal);
      return { outcome: 'failed' };
    }
  }

  /** Passes on what makes the blob unfit to be served; the rest is `near`'s trouble. */
  #fillFailed(error: unknown, signal: AbortSignal): void {
    signal.throwIfAborted();
    if (error instanceof CastoreError && error.code === 'digest/mismatch') throw error;
    this.#onFillFailure?.(error);
  }
}
