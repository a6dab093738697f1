import type { DataFolder } from './data-folder.ts';
import { type CollectionLock, lockAgainstCollection } from './gc-lock.ts';

/** In milliseconds: additions that begin so soon after another share its lock. A collection waits that much longer at most. */
const sharedFor = 250;

/** The lock that additions of one process hold against collections: four system calls for many of them. */
export class AdditionsLock {
  readonly #folder: DataFolder;
  #held: { readonly lock: CollectionLock; readonly since: number; users: number } | undefined;

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  async acquire(signal?: AbortSignal): Promise<CollectionLock> {
    let held = this.#held;
    if (held === undefined || performance.now() - held.since > sharedFor) {
      const lock = await lockAgainstCollection(this.#folder, 'shared', signal);
      held = { lock, since: performance.now(), users: 0 };
      this.#held = held;
    }
    const { lock } = held;
    held.users++;
    let isOurs = true;
    return {
      fd: lock.fd,
      serial: lock.serial,
      [Symbol.dispose]: () => {
        if (!isOurs) return;
        isOurs = false;
        if (--held.users > 0) return;
        if (this.#held === held) this.#held = undefined;
        lock[Symbol.dispose]();
      },
    };
  }
}
