import { type StoreDir, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';

/** What an answer says of paths, all of which were asked for. Throws `remote/bad-answer`. */
export function requireSubset(
  storeDir: StoreDir,
  paths: Iterable<StorePath>,
  asked: ReadonlySet<StorePath>,
): Set<StorePath> {
  const found = new Set(paths);
  for (const path of found) {
    if (asked.has(path)) continue;
    const message = `the other side tells of '${printStorePath(storeDir, path)}', which was not asked for`;
    throw new StoreError('remote/bad-answer', message);
  }
  return found;
}
