import { GrpcStatus } from '../../grpc/index.ts';
import type { DiskBlobStore } from '../../castore/index.ts';

export interface QuotaOptions {
  /** In bytes, of all blobs of the store. */
  readonly maxSize: number;
  /** Frees so many bytes, or as many as nobody needs; leases and results of actions are kept. */
  readonly collect: (bytes: number) => Promise<void>;
  readonly onFault: (error: unknown) => void;
}

/** A collection makes so much room besides what is needed, so that not every upload begins one. */
const headroom = 0.1;

/**
 * How much blobs may take. Whoever goes beyond it begins a collection, which goes on in the background; only where that did
 * not make room are blobs refused.
 */
export class BlobQuota {
  readonly #store: DiskBlobStore;
  readonly #options: QuotaOptions;
  /** As of the last time that it was counted, and what came since. */
  #used: number;
  #collecting: Promise<void> | undefined;

  constructor(store: DiskBlobStore, options: QuotaOptions) {
    this.#store = store;
    this.#options = options;
    this.#used = this.#count();
  }

  /** In bytes. */
  get used(): number {
    return this.#used;
  }

  /** To be called before blobs are added. Throws `resourceExhausted` where there is no room and none can be made. */
  async reserve(bytes: number): Promise<void> {
    const { maxSize } = this.#options;
    if (this.#used + bytes > maxSize) await this.#collect(bytes);
    if (this.#used + bytes > maxSize) {
      const message = `blobs take ${this.#used} of ${maxSize} bytes, all of which somebody needs: there is no room for ${bytes} more`;
      throw new GrpcStatus('resourceExhausted', message);
    }
    this.#used += bytes;
  }

  #collect(bytes: number): Promise<void> {
    this.#collecting ??= this.#run(bytes).finally(() => (this.#collecting = undefined));
    return this.#collecting;
  }

  async #run(bytes: number): Promise<void> {
    const { collect, maxSize, onFault } = this.#options;
    // Blobs that were here already were counted twice.
    this.#used = this.#count();
    const surplus = this.#used + bytes - maxSize;
    if (surplus <= 0) return;
    try {
      await collect(Math.ceil(surplus + maxSize * headroom));
    } catch (error) {
      onFault(error);
    }
    this.#used = this.#count();
  }

  #count(): number {
    return Number(this.#store.folder.database.get('SELECT total(size) AS size FROM blobs')?.['size']);
  }
}
