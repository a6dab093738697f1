import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * The program of a C++ Nix that has started this process as its build hook, if that is who did. Its store is in tables of its
 * own, and it has the outputs locked that a hook is to add: only its own program can.
 */
export function foreignStarter(): string | undefined {
  // The file that the process runs, wherever it has gone since.
  const running = `/proc/${process.ppid}/exe`;
  try {
    return basename(readlinkSync(running).replace(/ \(deleted\)$/, '')) === 'nix' ? running : undefined;
  } catch {
    // Somebody else's process, or a system that does not tell.
    return undefined;
  }
}
