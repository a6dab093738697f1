import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import { removeTree } from '../../castore/index.ts';

/** Of a build's folder: the process that made it, and a number of that process's. */
const folderName = /^nix-([0-9]+)-[0-9]+$/;

export function nameOfBuildFolder(serial: number): string {
  return `nix-${process.pid}-${serial}`;
}

/**
 * Removes folders in `parent` whose builds were killed together with the process that had begun them. Those that are kept
 * for somebody to look at are open to all, by which they are known.
 */
export function removeAbandonedFolders(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = folderName.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const path = join(parent, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true || (stats.mode & 0o077) !== 0) continue;
    try {
      removeTree(path);
    } catch (error) {
      // Another user's, who shares the folder with us.
      if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM') throw error;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}
