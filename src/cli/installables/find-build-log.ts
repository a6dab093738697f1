import {
  type SingleDerivingPath,
  type StorePath,
  derivationTypeOf,
  hasKnownOutputPaths,
  isDerivationPath,
  makeDerivationFile,
  resolveDerivation,
} from '../../nix-compat/index.ts';
import { type DerivationOutputs, type Store, derivationOutputs, readDerivation } from '../../store/index.ts';

/** The log of building `path`, or the derivation that made it, in `store`. */
export async function findBuildLog(store: Store, path: StorePath): Promise<Uint8Array | undefined> {
  const derivation = isDerivationPath(path) ? path : (await store.pathInfo(path))?.deriver;
  return derivation === undefined ? undefined : store.buildLog(await builtAs(store, derivation));
}

/** What is built of a derivation whose outputs are not known is one with the store paths of its inputs put in. */
async function builtAs(store: Store, path: StorePath): Promise<StorePath> {
  if (!(await store.validPaths([path])).has(path)) return path;
  const derivation = await readDerivation(store, path);
  if (hasKnownOutputPaths(derivationTypeOf(derivation))) return path;
  const outputs = new Map<StorePath, DerivationOutputs>();
  for (const input of derivation.inputDerivations.keys()) outputs.set(input, await derivationOutputs(store, input));
  const resolved = resolveDerivation(store.storeDir, derivation, (of: SingleDerivingPath, output) =>
    of.kind === 'opaque' ? outputs.get(of.path)?.get(output) : undefined,
  );
  if (resolved === undefined) return path;
  return makeDerivationFile(store.storeDir, { ...resolved, inputDerivations: new Map() }).path;
}
