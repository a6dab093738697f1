import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasByteLocks, tryLockByte } from '../../base/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import { tryLockPath } from './path-lock.ts';

/**
 * Locks of names in the store directory, which whoever is about to make something there holds against all others: bytes of
 * one file, of which nothing has to be written. (A file for each name, made and removed, took more time than adding a small
 * path: ext4 looks at each inode that was freed in the last minutes before it makes another.) Files of a folder
 * where the system has no such locks.
 */
export class PathLocks {
  readonly #dataFolder: string;

  constructor(dataFolder: string) {
    this.#dataFolder = dataFolder;
  }

  /** Holds nothing yet; lets go of all at disposal. */
  open(): HeldPathLocks {
    const folder = this.#dataFolder;
    return hasByteLocks() ? new HeldBytes(join(folder, 'paths.lock')) : new HeldFiles(join(folder, 'path-locks'));
  }

  /** Waits until `name` is locked. */
  async lock(name: string, signal?: AbortSignal): Promise<Disposable> {
    using held = new DisposableStack();
    const locks = held.use(this.open());
    for (let wait = 1; !locks.tryLock(name); wait = Math.min(wait * 2, 100)) await delay(wait, undefined, { signal });
    held.move();
    return locks;
  }
}

export interface HeldPathLocks extends Disposable {
  /** False while somebody else holds it, be it of this process. A name is locked once. */
  tryLock(name: string): boolean;
}

class HeldBytes implements HeldPathLocks {
  readonly #file: string;
  #fd: number | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  tryLock(name: string): boolean {
    this.#fd ??= openSync(this.#file, 'a', 0o600);
    return tryLockByte(this.#fd, offsetOf(name));
  }

  [Symbol.dispose](): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }
}

/** Two names of one byte, of which there are 2^48, wait for each other for no reason, and no harm is done. */
function offsetOf(name: string): number {
  return createHash('sha256').update(name).digest().readUIntBE(0, 6);
}

class HeldFiles implements HeldPathLocks {
  readonly #folder: string;
  readonly #locks = new DisposableStack();

  constructor(folder: string) {
    this.#folder = folder;
  }

  tryLock(name: string): boolean {
    makeFolder(realFileSystem, this.#folder);
    const lock = tryLockPath(join(this.#folder, name));
    if (lock !== undefined) this.#locks.use(lock);
    return lock !== undefined;
  }

  [Symbol.dispose](): void {
    this.#locks.dispose();
  }
}
