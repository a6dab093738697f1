import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringFromLatin1, errnoOf } from '../../base/index.ts';
import { type FsPath, joinFsPath } from './fs-path.ts';
import { HeldFolder } from './held-folder.ts';
import { type RemoveOptions, removeTreeAtEase } from './remove-tree.ts';

/**
 * Puts the tree at `path` out of the way, which takes no longer for a large one: it moves to the folder `trash`, made if it
 * is absent, on the same file system (`EXDEV`). False when there is no tree. `emptyTrash` removes it, in this process or
 * a later one.
 */
export function moveToTrash(path: FsPath, trash: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  mkdirSync(trash, { recursive: true, mode: 0o700 });
  try {
    if (stats.isDirectory()) makeMovable(path);
    renameSync(path, join(trash, crypto.randomUUID()));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A folder that moves gets another parent, for which it must be writable. */
function makeMovable(path: FsPath): void {
  using folder = HeldFolder.open(path);
  chmodSync(folder.path, 0o755);
}

/** Removes what is in `trash`, and may be called by several at once. */
export async function emptyTrash(trash: string, options: RemoveOptions = {}): Promise<void> {
  for (const name of listIfThere(trash)) await removeTreeAtEase(joinFsPath(trash, byteStringFromLatin1(name)), options);
}

function listIfThere(folder: string): string[] {
  try {
    return readdirSync(folder, 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
