import { type StorePath, isDerivationPath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';

/** The log of building `path`, or the derivation that made it, in `store`. */
export async function findBuildLog(store: Store, path: StorePath): Promise<Uint8Array | undefined> {
  const derivation = isDerivationPath(path) ? path : (await store.pathInfo(path))?.deriver;
  return derivation === undefined ? undefined : store.buildLog(derivation);
}
