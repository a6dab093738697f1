import { displayBytes } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { type Store, StoreError, type Substituters, exploreGraph } from '../../store/index.ts';

const questionsAtOnce = 16;

/** `roots` and all that they refer to, whether they are valid or only to be had elsewhere. Throws `path/invalid`. */
export async function closureAnywhere(
  store: Store,
  substituters: Substituters | undefined,
  roots: Iterable<StorePath>,
  { signal }: CallOptions = {},
): Promise<Set<StorePath>> {
  const closure = new Set<StorePath>();
  await exploreGraph(roots, { limit: questionsAtOnce, signal }, async (path, stop) => {
    const options = { signal: stop };
    const info =
      (await store.pathInfo(path, options)) ??
      (await substituters?.find(path, { ...options, trustedOnly: true }))?.info;
    if (info === undefined) {
      const printed = displayBytes(printStorePath(store.storeDir, path));
      throw new StoreError('path/invalid', `path '${printed}' is not valid`);
    }
    closure.add(path);
    return info.references;
  });
  return closure;
}
