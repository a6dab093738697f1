import { lstatSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, wasProcessAlready } from '../../base/index.ts';
import { removeTree } from '../../castore/index.ts';

/** Of a build's folder: the process that made it, and a number of that process's; whether it is being removed. */
const folderName = /^nix-([0-9]+)-[0-9]+(\.old)?$/;

export function nameOfBuildFolder(serial: number): string {
  return `nix-${process.pid}-${serial}`;
}

/** What a build's folder is called while it is being removed. */
export function nameOfRemoved(path: string): string {
  return `${path}.old`;
}

/**
 * Gives a build's folder the name under which it is to be removed: a removal that is broken off leaves folders open to
 * all, which would be taken for one that is kept. Returns the path that it has then.
 */
export function setAside(path: string): string {
  const removed = nameOfRemoved(path);
  renameSync(path, removed);
  return removed;
}

/**
 * Removes folders in `parent` whose builds were killed together with the process that had begun them, or while they were
 * being removed. Those that are kept for somebody to look at are open to all, by which they are known.
 */
export function removeAbandonedFolders(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, removal] = folderName.exec(name) ?? [];
    if (pid === undefined) continue;
    const isSetAside = removal !== undefined;
    const path = join(parent, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true || (!isSetAside && (stats.mode & 0o077) !== 0)) continue;
    if (wasProcessAlready(Number(pid), stats.ctimeMs)) continue;
    try {
      removeTree(isSetAside ? path : setAside(path));
    } catch (error) {
      // Another user's, who shares the folder with us.
      if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM') throw error;
    }
  }
}
