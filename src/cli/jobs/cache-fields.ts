import { byteStringFromText } from '../../base/index.ts';
import {
  type JsonObject,
  type JsonValue,
  type StorePath,
  allOutputs,
  jsonObject,
  opaquePath,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import { compareByName } from '../installables/print-missing.ts';
import type { EvaluationRealising } from '../installables/realising.ts';

/** Whether the outputs of a derivation are in the store (`local`), to be had from caches, or have to be built. */
export async function cacheFields(
  derivation: StorePath,
  { store, realising }: { readonly store: Store; readonly realising: EvaluationRealising },
): Promise<JsonObject> {
  const wanted = [{ kind: 'built', derivation: opaquePath(derivation), outputs: allOutputs }] as const;
  const { willBuild, willSubstitute, unknown } = await realising.plan(wanted);
  const isThere = willBuild.size === 0 && unknown.size === 0;
  const status = !isThere ? 'notBuilt' : willSubstitute.size === 0 ? 'local' : 'cached';
  const print = (paths: Iterable<StorePath>): JsonValue =>
    Array.from(paths, path => printStorePath(store.storeDir, path));
  return jsonObject({
    cacheStatus: byteStringFromText(status),
    isCached: isThere,
    neededBuilds: print(willBuild),
    neededSubstitutes: print([...willSubstitute].toSorted(compareByName)),
  });
}
