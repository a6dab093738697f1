import { mapConcurrent } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import type { PathInfo, StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../store.ts';
import { topologicalOrder } from './topological-order.ts';

/** Questions that a store is asked at a time. */
const questionsAtOnce = 64;

/** A store path, and what a store knows of it. */
export interface KnownPath {
  readonly path: StorePath;
  /** Undefined where it is not valid. */
  readonly info: PathInfo | undefined;
}

/** Each of `paths` once, after those that it refers to. Throws `path/cycle`. */
export async function sortPaths(
  store: Store,
  paths: Iterable<StorePath>,
  { signal }: CallOptions = {},
): Promise<KnownPath[]> {
  const all = new Set(paths);
  if (store.pathInfos !== undefined) {
    const known = await store.pathInfos(all, { signal });
    return sortInfos(store, new Map(Array.from(all, path => [path, known.get(path)])));
  }
  const options = { limit: questionsAtOnce, signal };
  const infos = await mapConcurrent(all, options, async (path, stop) => {
    return [path, await store.pathInfo(path, { signal: stop })] as const;
  });
  return sortInfos(store, new Map(infos));
}

/** As `sortPaths`, where what is known of the paths is at hand. */
export function sortInfos(
  { storeDir }: Pick<Store, 'storeDir'>,
  infos: ReadonlyMap<StorePath, PathInfo | undefined>,
): KnownPath[] {
  const order = topologicalOrder(storeDir, infos.keys(), path => infos.get(path)?.references ?? []);
  return order.map(path => ({ path, info: infos.get(path) }));
}
