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

/** In milliseconds: what an addition waits for a collection that waits for others. */
const patience = 100;

/**
 * Keeps garbage collection away from blobs that are being added: additions hold the lock of `gc.lock` shared, a sweep
 * takes it exclusively for each of its short batches. The lock ends with the process, however that ends.
 *
 * Who waits for it holds `gc.turn` meanwhile, in the same mode, and who comes takes that first: a collection gets its
 * turn although one addition follows the other, and additions get theirs between two batches of a sweep. An addition
 * does not wait long for its turn: the collection may be waiting for another addition that waits for this one.
 */
export async function lockAgainstCollection(
  folder: DataFolder,
  mode: 'shared' | 'exclusive',
  signal?: AbortSignal,
): Promise<CollectionLock> {
  using turn = open(folder, 'gc.turn');
  using owned = new DisposableStack();
  const file = owned.use(open(folder, 'gc.lock'));
  const impatientAt = mode === 'shared' ? performance.now() + patience : Infinity;
  let hasTurn = false;
  // flock's waiting form would block the thread, so we ask again, ever more rarely.
  for (let wait = 1; ; wait = Math.min(wait * 2, 16)) {
    hasTurn ||= tryLockFile(turn.fd, mode);
    if ((hasTurn || performance.now() >= impatientAt) && tryLockFile(file.fd, mode)) break;
    await delay(wait, undefined, { signal });
  }
  owned.move();
  return file;
}

function open(folder: DataFolder, name: string): CollectionLock {
  const fs = folder.fileSystem;
  const fd = fs.openSync(join(folder.path, name), 'a', 0o644);
  return { fd, serial: opened++, [Symbol.dispose]: () => fs.closeSync(fd) };
}
