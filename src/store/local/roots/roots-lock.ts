import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { tryLockFile, unlockFile } from '../../../base/index.ts';
import type { FileSystem } from '../../../castore/index.ts';

/** Between two attempts, in milliseconds: a batch of a sweep takes some 20. */
const retryInterval = 1;

/**
 * Orders the writing of temporary roots and the sweep of paths, by flock of files below `temproots/` whose names begin
 * with a dot. Who uses a path writes its root holding `.lock` shared, for microseconds, and looks afterwards whether
 * the path is valid. A sweep holds it exclusively from reading the roots until the paths of one batch are invalid and
 * out of the store directory. So the root is either seen, or comes after the batch, when the path is seen to be gone.
 *
 * Whoever finds the lock taken holds `.queue` shared while it waits, and a sweep lets all of these pass before its next
 * batch: a user of paths waits for one batch at most.
 */
export class RootsLock implements Disposable {
  readonly #fs: FileSystem;
  readonly #lock: number;
  readonly #queue: number;
  /** Tasks of this process that wait: they share the descriptor, and the last one leaves the queue. */
  #waiting = 0;

  /** `folder` exists. */
  constructor(fs: FileSystem, folder: string) {
    this.#fs = fs;
    this.#lock = fs.openSync(join(folder, '.lock'), 'a', 0o600);
    try {
      this.#queue = fs.openSync(join(folder, '.queue'), 'a', 0o600);
    } catch (error) {
      fs.closeSync(this.#lock);
      throw error;
    }
  }

  /** Runs `work` while no batch of a sweep is under way. */
  async shared<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    let isQueued = false;
    try {
      while (!tryLockFile(this.#lock, 'shared')) {
        if (!isQueued) this.#waiting++;
        isQueued = true;
        // Refused only while a sweep looks whether the queue is empty.
        tryLockFile(this.#queue, 'shared');
        await delay(retryInterval, undefined, { signal });
      }
      // Without a wait in between: our other tasks use the same descriptor.
      return this.#locked(work);
    } finally {
      if (isQueued && --this.#waiting === 0) unlockFile(this.#queue);
    }
  }

  /** Runs `work` while nobody writes temporary roots. Only for the one who collects. */
  async exclusive<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    while (!tryLockFile(this.#queue, 'exclusive')) await delay(retryInterval, undefined, { signal });
    unlockFile(this.#queue);
    while (!tryLockFile(this.#lock, 'exclusive')) await delay(retryInterval, undefined, { signal });
    return this.#locked(work);
  }

  #locked<T>(work: () => T): T {
    try {
      return work();
    } finally {
      unlockFile(this.#lock);
    }
  }

  [Symbol.dispose](): void {
    this.#fs.closeSync(this.#lock);
    this.#fs.closeSync(this.#queue);
  }
}
