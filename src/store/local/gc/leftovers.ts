import { join } from 'node:path';
import { errnoOf, messageOf, tryLockFile } from '../../../base/index.ts';
import type { FileSystem } from '../../../castore/index.ts';
import { NixCompatError, type StorePath, parseStorePath } from '../../../nix-compat/index.ts';
import { type Collection, inBatches } from './collection.ts';
import { linksName } from './unused-links.ts';
import type { StoreEntries } from './store-entries.ts';
import { trashName } from './trash.ts';

/** An entry of the store directory that is no valid path. */
export interface Leftover {
  readonly name: string;
  /** Locks and drafts of a store path have names that could be a store path's too. */
  readonly path: StorePath | undefined;
}

/** What is in the store directory beside what `isKnown` knows to be valid; in ascending order. */
export function findLeftovers(entries: Pick<StoreEntries, 'names'>, isKnown: (path: StorePath) => boolean): Leftover[] {
  const leftovers: Leftover[] = [];
  for (const name of entries.names().toSorted()) {
    if (name === linksName || name === trashName) continue;
    const path = parse(name);
    if (path === undefined || !isKnown(path)) leftovers.push({ name, path });
  }
  return leftovers;
}

/**
 * Removes what crashes and others have left in the store directory: all that is not valid by now, nor held or locked by
 * anybody. What cannot be removed is warned of.
 */
export async function sweepLeftovers(collection: Collection, leftovers: readonly Leftover[]): Promise<void> {
  const { database, entries, fileSystem, realStoreDir, reporter, storeDir, temporary } = collection;
  const isInUse = ({ name, path }: Leftover): boolean => {
    if (path === undefined) return name.startsWith('tmp-') && isLocked(fileSystem, join(realStoreDir, name));
    if (temporary.has(path) || database.get('SELECT 1 FROM paths WHERE path = ?', path) !== undefined) return true;
    return name.endsWith('.lock') && isLocked(fileSystem, join(realStoreDir, name));
  };
  await inBatches(collection, leftovers, {
    work: batch => {
      temporary.update();
      for (const leftover of batch) {
        try {
          if (isInUse(leftover) || entries.remove(leftover.name) !== 'removed') continue;
        } catch (error) {
          if (errnoOf(error) === undefined) throw error;
          reporter.warn(`cannot remove '${join(realStoreDir, leftover.name)}': ${messageOf(error)}`);
          continue;
        }
        reporter.log('info', `deleting '${storeDir}/${leftover.name}'`);
        if (leftover.path !== undefined) collection.deleted.push(leftover.path);
      }
    },
    goOn: () => entries.bytesFreed <= collection.maxFreed,
  });
}

function isLocked(fs: FileSystem, path: string): boolean {
  let fd: number;
  try {
    fd = fs.openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    return !tryLockFile(fd, 'exclusive');
  } finally {
    fs.closeSync(fd);
  }
}

function parse(name: string): StorePath | undefined {
  try {
    return parseStorePath(name);
  } catch (error) {
    if (error instanceof NixCompatError) return undefined;
    throw error;
  }
}
