import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where systems keep it that leave it out of some users' PATH. */
const usualFolders = ['/usr/bin', '/usr/local/bin', '/run/current-system/sw/bin'];

/** Path of bubblewrap, or undefined if it is not installed. */
export function findBubblewrap(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...usualFolders];
  return folders
    .filter(folder => folder.startsWith('/'))
    .map(folder => join(folder, 'bwrap'))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
