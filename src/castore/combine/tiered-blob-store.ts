import { Semaphore, unreachable } from '../../base/index.ts';
import type { BlobBatch, BlobStore, CallOptions, ReadOptions } from '../blob-store.ts';
import { checkGetLimit, chunksOf } from '../chunks.ts';
import { type Digest, formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';
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
}

/** Blobs up to this many bytes are copied through memory, and served from there. */
const wholeBlobLimit = 1024 * 1024;

/** What became of copying a blob from far to near. */
type Fill =
  | { readonly outcome: 'absent' | 'filled' | 'failed' }
  | { readonly outcome: 'at hand'; readonly bytes: Uint8Array };

/**
 * A near store before a far one. What is only in `far` is copied to `near` when it is first read, once however many
 * read it at that time; the copy is checked against its digest on the way in. A `near` that cannot take it (a full
 * disk) does not hinder reading.
 */
export class TieredBlobStore implements BlobStore {
  readonly #near: BlobStore;
  readonly #far: BlobStore;
  readonly #writes: 'both' | 'near' | 'far';
  readonly #fillLimit: number;
  readonly #onFillFailure: ((error: unknown) => void) | undefined;
  readonly #permits: Semaphore;
  readonly #fills = new SingleFlight<string, Fill>();

  constructor(tiers: Tiers) {
    this.#near = tiers.near;
    this.#far = tiers.far;
    this.#writes = tiers.writes ?? 'both';
    this.#fillLimit = tiers.fillLimit ?? 256 * 1024 * 1024;
    this.#onFillFailure = tiers.onFillFailure;
    this.#permits = new Semaphore(tiers.concurrency ?? 16);
  }

  /** What neither store has. */
  async findMissing(digests: readonly Digest[], options?: CallOptions): Promise<Digest[]> {
    const missing = await this.#near.findMissing(digests, options);
    return missing.length === 0 ? missing : this.#far.findMissing(missing, options);
  }

  async get(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): Promise<Uint8Array | undefined> {
    const near = await this.#near.get(digest, options);
    if (near !== undefined) return near;
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
    const near = await this.#near.open(digest, options);
    if (near !== undefined) return near;
    const fill = await this.#fill(digest, options.signal);
    switch (fill.outcome) {
      case 'absent':
        return undefined;
      case 'at hand':
        return chunksOf(fill.bytes, options);
      case 'filled':
        return (await this.#near.open(digest, options)) ?? this.#far.open(digest, options);
      case 'failed':
        return this.#far.open(digest, options);
      default:
        return unreachable(fill);
    }
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
