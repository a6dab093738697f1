import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockFile } from '../../../base/index.ts';
import { type FileSystem, makeFolder } from '../../../castore/index.ts';
import { collectorLockName } from '../roots/temporary-roots.ts';

/** Between two attempts, in milliseconds. */
const retryInterval = 50;

export interface CollectorLockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once if somebody else collects, whose end is waited for. */
  readonly waiting: () => void;
}

/**
 * Makes this the one collection of a store, until disposed of. From then on temporary roots stay, whoever ends:
 * `TemporaryRoots`. `folder` is that of the temporary roots.
 */
export async function lockCollector(
  fs: FileSystem,
  folder: string,
  { signal, waiting }: CollectorLockOptions,
): Promise<Disposable> {
  makeFolder(fs, folder);
  const fd = fs.openSync(join(folder, collectorLockName), 'a', 0o600);
  try {
    for (let attempt = 0; !tryLockFile(fd, 'exclusive'); attempt++) {
      // A process that removes its roots has it locked for a moment.
      if (attempt === 1) waiting();
      await delay(retryInterval, undefined, { signal });
    }
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  return { [Symbol.dispose]: () => fs.closeSync(fd) };
}
