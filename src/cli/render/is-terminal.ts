import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Most descriptors are files or pipes, for which `node:tty` need not be loaded (3 ms). */
export function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && isatty(fd);
  } catch {
    return false;
  }
}
