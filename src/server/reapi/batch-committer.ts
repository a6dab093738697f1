import type { DiskBlobBatch, DiskBlobStore } from '../../castore/index.ts';

interface Waiting {
  readonly batch: DiskBlobBatch;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Batches that are committed together at most: what waits for the disk waits for all of them. */
const maxTogether = 256;

/**
 * Commits batches of many clients, each of which waits for the disk: those that come while one commit is under way share
 * the next one.
 */
export class BatchCommitter {
  readonly #store: DiskBlobStore;
  readonly #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(store: DiskBlobStore) {
    this.#store = store;
  }

  /** Resolves when the batch is durable. */
  commit(batch: DiskBlobBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      // After what else has come with the same read of a socket.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    for (;;) {
      const group = this.#waiting.splice(0, maxTogether);
      if (group.length === 0) break;
      await this.#commitGroup(group);
    }
    this.#isRunning = false;
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#store.commitAll(group.map(({ batch }) => batch));
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
