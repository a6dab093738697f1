import { type BuiltPaths, type DerivingPath, type StorePath, formatDerivingPath } from '../../nix-compat/index.ts';
import { readDerivation } from '../../store/index.ts';
import { type Stores, homesOf, locateDerivations } from './locate-derivations.ts';
import { usedOutputs } from './used-outputs.ts';

/**
 * Of a plan that somebody else has made, who does not say so: the outputs among `wanted`, and among what derivations in
 * `willBuild` use, of derivations that builds have yet to make. Throws as `readDerivation`.
 */
export async function findUnplanned(
  stores: Stores,
  { wanted, willBuild }: { readonly wanted: Iterable<DerivingPath>; readonly willBuild: Iterable<StorePath> },
  signal: AbortSignal | undefined,
): Promise<BuiltPaths[]> {
  const found = new Map<string, BuiltPaths>();
  const look = async (path: DerivingPath): Promise<void> => {
    if (path.kind === 'opaque' || path.derivation.kind === 'opaque') return;
    const [located] = await locateDerivations(stores, [path.derivation], { signal });
    if (located?.kind === 'made') found.set(formatDerivingPath(stores.store.storeDir, path), path);
  };
  for (const path of wanted) await look(path);
  for (const path of willBuild) {
    const home = (await homesOf(stores, [path], { signal })).get(path);
    if (home === undefined) continue;
    for (const used of usedOutputs(await readDerivation(home, path, { signal }))) await look(used);
  }
  return [...found.keys()].toSorted().flatMap(key => found.get(key) ?? []);
}
