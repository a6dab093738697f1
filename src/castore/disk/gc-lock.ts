import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockFile } from '../../base/index.ts';
import type { DataFolder } from './data-folder.ts';

export interface CollectionLock extends Disposable {
  /** A descriptor on the data folder's file system, open while the lock is held. */
  readonly fd: number;
  /** Locks of one process in the order in which their descriptors were opened. */
  readonly serial: number;
}

let opened = 0;

/**
 * Keeps garbage collection away from blobs that are being added: additions hold the lock of `gc.lock` shared, a sweep
 * takes it exclusively for each of its short batches. The lock ends with the process, however that ends.
 */
export async function lockAgainstCollection(
  folder: DataFolder,
  mode: 'shared' | 'exclusive',
  signal?: AbortSignal,
): Promise<CollectionLock> {
  const fs = folder.fileSystem;
  const fd = fs.openSync(join(folder.path, 'gc.lock'), 'a', 0o644);
  const serial = opened++;
  try {
    // flock's waiting form would block the thread, so we ask again, at most ten times a second.
    for (let wait = 1; !tryLockFile(fd, mode); wait = Math.min(wait * 2, 100)) await delay(wait, undefined, { signal });
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  return { fd, serial, [Symbol.dispose]: () => fs.closeSync(fd) };
}
