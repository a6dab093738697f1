import { dirname } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import type { FileSystem } from './file-system.ts';

/**
 * Makes a folder and those above it; false where it was there. Node's own recursive form never returns where the system
 * says that a folder cannot be made because it does not exist (below `/proc`).
 */
export function makeFolder(fs: Pick<FileSystem, 'mkdirSync'>, path: string, mode = 0o755): boolean {
  try {
    fs.mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
  }
  makeFolder(fs, dirname(path));
  try {
    fs.mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}
