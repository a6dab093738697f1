import { closeSync, fstatSync, openSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockFile } from '../../base/index.ts';

/**
 * Locks a path of the store directory that is about to be made, against other processes (C++ Nix's too): an flock of
 * `<path>.lock`. The file is removed at disposal.
 */
export async function lockPath(path: string, signal?: AbortSignal): Promise<Disposable> {
  for (let wait = 1; ; wait = Math.min(wait * 2, 100)) {
    const lock = tryLockPath(path);
    if (lock !== undefined) return lock;
    await delay(wait, undefined, { signal });
  }
}

/** As `lockPath`; undefined while somebody else holds the lock. */
export function tryLockPath(path: string): Disposable | undefined {
  const name = `${path}.lock`;
  for (;;) {
    const fd = openSync(name, 'a', 0o600);
    let isOurs = false;
    try {
      if (!tryLockFile(fd, 'exclusive')) return undefined;
      // Whoever held it has removed the file: the name may have gone to a new one meanwhile.
      isOurs = statSync(name, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino;
      if (isOurs) return new PathLock(name, fd);
    } finally {
      if (!isOurs) closeSync(fd);
    }
  }
}

class PathLock implements Disposable {
  readonly #name: string;
  #fd: number | undefined;

  constructor(name: string, fd: number) {
    this.#name = name;
    this.#fd = fd;
  }

  [Symbol.dispose](): void {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    try {
      unlinkSync(this.#name);
      // By a size other than 0 C++ Nix, if it waits for this file, knows that it is gone.
      writeSync(fd, 'd');
    } catch {
      // A full disk, or one that became read-only: the lock ends with the descriptor in any case.
    } finally {
      closeSync(fd);
    }
  }
}
