import { readFileSync, statfsSync } from 'node:fs';
import { errnoOf, parseMountTable } from '../../base/index.ts';
import { unmountAt } from './unmount-at.ts';

/** The type of our mounts in /proc/mounts. */
const fileSystemType = 'fuse.firn';

/** Whether one of our mounts is at `mountPoint` (absolute, without symlinks). */
export function isOurMount(mountPoint: string, table = readFileSync('/proc/self/mounts', 'utf8')): boolean {
  return parseMountTable(table).some(({ place, type }) => type === fileSystemType && place === mountPoint);
}

/** Takes away one of our mounts whose process has ended without doing so: it was killed. */
export function removeStaleMount(mountPoint: string): void {
  while (isOurMount(mountPoint) && isDead(mountPoint)) unmountAt(mountPoint, { lazily: true });
}

/** Whoever lives answers this, which the kernel does not remember as it does attributes. */
function isDead(mountPoint: string): boolean {
  try {
    statfsSync(mountPoint);
    return false;
  } catch (error) {
    return errnoOf(error) === 'ENOTCONN';
  }
}
