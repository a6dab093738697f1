import { lstatSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
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
    if (isAlive(Number(pid), stats.ctimeMs)) continue;
    try {
      removeTree(isSetAside ? path : setAside(path));
    } catch (error) {
      // Another user's, who shares the folder with us.
      if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM') throw error;
    }
  }
}

/** Clock ticks of /proc/PID/stat a second, on every Linux. */
const ticksPerSecond = 100;
/** In milliseconds: how exact the times that are compared are. */
const tolerance = 2000;

/** Whether there still is the process `pid` that was there at `time`, in milliseconds since 1970: numbers are given again. */
function isAlive(pid: number, time: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
  }
  const begun = beginningOf(pid);
  return begun === undefined || begun <= time + tolerance;
}

/** When a process began (proc(5)); undefined where that cannot be told. */
function beginningOf(pid: number): number | undefined {
  try {
    const booted = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // After the name, which may have anything in it: the state is field 3, the beginning field 22.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3];
    if (booted === undefined || ticks === undefined) return undefined;
    return Number(booted) * 1000 + (Number(ticks) * 1000) / ticksPerSecond;
  } catch {
    return undefined;
  }
}
