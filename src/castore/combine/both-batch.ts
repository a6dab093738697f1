import type { BlobBatch, CallOptions, PutOptions } from '../blob-store.ts';
import type { Digest } from '../digest.ts';
import { TwinSource } from './twin-source.ts';

/** Adds everything to two batches. */
export class BothBatch implements BlobBatch {
  readonly #near: BlobBatch;
  readonly #far: BlobBatch;

  constructor(near: BlobBatch, far: BlobBatch) {
    this.#near = near;
    this.#far = far;
  }

  put(bytes: Uint8Array, options?: PutOptions): Promise<Digest> {
    return both(this.#near.put(bytes, options), this.#far.put(bytes, options));
  }

  putStream(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options?: PutOptions): Promise<Digest> {
    const twins = new TwinSource(source);
    const add = async (batch: BlobBatch) => {
      try {
        return await batch.putStream(twins.reader(), options);
      } catch (error) {
        // The other would wait for this one to ask for the next chunk.
        await twins.abandon(error);
        throw error;
      }
    };
    return both(add(this.#near), add(this.#far));
  }

  /** `near` comes last: while it lacks a blob the tiers ask `far`, never the other way round. */
  async commit(options?: CallOptions): Promise<void> {
    await this.#far.commit(options);
    await this.#near.commit(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using disposal = new AsyncDisposableStack();
    disposal.use(this.#near);
    disposal.use(this.#far);
  }
}

/** The first's result once both have ended; the failure that came first, if there is one. */
async function both<T>(a: Promise<T>, b: Promise<T>): Promise<T> {
  try {
    await Promise.all([a, b]);
  } finally {
    await Promise.allSettled([a, b]);
  }
  return a;
}
