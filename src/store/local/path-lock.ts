import { closeSync, fstatSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockFile } from '../../base/index.ts';

/**
 * Locks a path of the store directory that is about to be made, against other processes (C++ Nix's too): an flock of
 * `<path>.lock`. The file is removed at disposal, so the one that was locked is looked at again: a name may have gone to a
 * new file meanwhile.
 */
export async function lockPath(path: string, signal?: AbortSignal): Promise<Disposable> {
  const name = `${path}.lock`;
  for (;;) {
    const fd = openSync(name, 'a', 0o600);
    try {
      for (let wait = 1; !tryLockFile(fd, 'exclusive'); wait = Math.min(wait * 2, 100))
        await delay(wait, undefined, { signal });
      if (statSync(name, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) {
        return {
          [Symbol.dispose]() {
            try {
              rmSync(name, { force: true });
              // By a size other than 0 C++ Nix, if it waits for this file, knows that it is gone.
              writeSync(fd, 'd');
            } finally {
              closeSync(fd);
            }
          },
        };
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
  }
}
