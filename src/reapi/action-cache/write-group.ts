import type { Database } from '../../castore/index.ts';

interface Write {
  readonly work: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes of one turn of the event loop make one transaction. The disk is not waited for: a power failure may undo the last
 * ones, which is as if nobody had known the results, and never leaves one without the blobs that were durable before it.
 * One that throws does not spoil the others: they are written again without it.
 */
export class WriteGroup {
  readonly #database: Database;
  #pending: Write[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  write(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#pending.length === 0) setImmediate(() => this.#flush());
      this.#pending.push({ work, resolve, reject });
    });
  }

  #flush(): void {
    let left = this.#pending;
    this.#pending = [];
    while (left.length > 0) {
      let current: Write | undefined;
      try {
        const writeAll = () => {
          for (current of left) current.work();
          current = undefined;
        };
        this.#database.transaction(writeAll, { isLasting: false });
        for (const { resolve } of left) resolve();
        return;
      } catch (error) {
        const failed = current;
        // The transaction itself could not be written: none of them was.
        if (failed === undefined) {
          for (const { reject } of left) reject(error);
          return;
        }
        failed.reject(error);
        left = left.filter(write => write !== failed);
      }
    }
  }
}
