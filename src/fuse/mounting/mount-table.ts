import { readFileSync, statfsSync } from 'node:fs';
import { errnoOf } from '../../base/index.ts';
import { unmountAt } from './unmount-at.ts';

/** The type of our mounts in /proc/mounts. */
const fileSystemType = 'fuse.firn';

/** Whether one of our mounts is at `mountPoint` (absolute, without symlinks). */
export function isOurMount(mountPoint: string, table = readFileSync('/proc/self/mounts', 'utf8')): boolean {
  for (const line of table.split('\n')) {
    const [, place = '', type] = line.split(' ');
    if (type === fileSystemType && unescape(place) === mountPoint) return true;
  }
  return false;
}

/** Blanks, tabs, line ends and backslashes are written in octal. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
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
