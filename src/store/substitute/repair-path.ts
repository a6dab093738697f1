import { displayBytes } from '../../base/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { Store } from '../store.ts';
import { type RealiseOptions, realisePaths } from './realise-paths.ts';
import type { Substituters } from './substituters.ts';

/** Gets the contents of a path anew from `substituters`. Throws `path/irreparable` where none has them. */
export async function repairPath(
  store: Store,
  substituters: Substituters,
  path: StorePath,
  options: Omit<RealiseOptions, 'repair'> = {},
): Promise<void> {
  const [failure] = await realisePaths(store, substituters, [path], { ...options, repair: true });
  if (failure === undefined) return;
  const message = `cannot repair path '${displayBytes(printStorePath(store.storeDir, path))}'`;
  throw new StoreError('path/irreparable', message, { cause: failure.error });
}
