import type { Reporter } from '../../base/index.ts';
import type { BlobStore, Digest, Sha256 } from '../../castore/index.ts';

/** Bytes beyond which those who add wait until less is waiting to be written. */
const maxWaiting = 64 * 1024 * 1024;

/** Milliseconds for which blobs wait for others to be written with: each time costs the disk a few. */
const delay = 30;

/**
 * Blobs that somebody reads already and that are still to be written, many at once. What cannot be written is reported and
 * forgotten: it can be had again.
 */
export class WrittenBehind implements AsyncDisposable {
  readonly #blobs: BlobStore;
  readonly #reporter: Reporter;
  /** By hash, each under the size that its digest says. */
  #waiting = new Map<Sha256, Uint8Array>();
  #waitingSize = 0;
  #beingWritten: ReadonlyMap<Sha256, Uint8Array> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(blobs: BlobStore, reporter: Reporter) {
    this.#blobs = blobs;
    this.#reporter = reporter;
  }

  get({ hash, size }: Digest): Uint8Array | undefined {
    const bytes = this.#waiting.get(hash) ?? this.#beingWritten.get(hash);
    return bytes?.byteLength === size ? bytes : undefined;
  }

  /** `bytes` have the digest, and nobody changes them any more. */
  async add({ hash }: Digest, bytes: Uint8Array): Promise<void> {
    this.#waiting.set(hash, bytes);
    this.#waitingSize += bytes.byteLength;
    if (this.#waitingSize >= maxWaiting) return this.settle();
    this.#timer ??= setTimeout(() => this.#begin(), delay);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const blobs = this.#waiting;
    if (blobs.size === 0) return;
    this.#waiting = new Map();
    this.#waitingSize = 0;
    this.#beingWritten = blobs;
    try {
      await using batch = this.#blobs.batch();
      for (const bytes of blobs.values()) await batch.put(bytes);
      await batch.commit();
    } catch (error) {
      this.#reporter.logError(error);
    } finally {
      this.#beingWritten = new Map();
    }
  }

  /** Resolves when all that was added before is durable. */
  settle(): Promise<void> {
    this.#begin();
    return this.#writing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.settle();
  }
}
