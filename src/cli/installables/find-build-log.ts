import {
  type Derivation,
  type DerivedInputs,
  type OutputLookup,
  type SingleDerivingPath,
  type StorePath,
  builtPath,
  derivationTypeOf,
  formatSingleDerivingPath,
  hasKnownOutputPaths,
  isDerivationPath,
  makeDerivationFile,
  opaquePath,
  resolveDerivation,
} from '../../nix-compat/index.ts';
import { type DerivationOutputs, type Store, derivationOutputs, readDerivation } from '../../store/index.ts';

/** The log of building `path`, or the derivation that made it, in `store`. */
export async function findBuildLog(store: Store, path: StorePath): Promise<Uint8Array | undefined> {
  const derivation = isDerivationPath(path) ? path : (await store.pathInfo(path))?.deriver;
  return derivation === undefined ? undefined : store.buildLog(await builtAs(store, derivation));
}

/** What the inputs of a derivation are, outputs of outputs included, as far as that is known. */
async function lookupInputs(store: Store, { inputDerivations }: Derivation): Promise<OutputLookup> {
  const known = new Map<string, DerivationOutputs>();
  const keyOf = (of: SingleDerivingPath) => formatSingleDerivingPath(store.storeDir, of);
  const queue: InputUse[] = Array.from(inputDerivations, ([path, used]) => ({ of: opaquePath(path), path, used }));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { of, path, used } = next;
    if (!(await store.validPaths([path])).has(path)) continue;
    const outputs = await derivationOutputs(store, path);
    known.set(keyOf(of), outputs);
    for (const [output, inner] of used.dynamic) {
      const at = outputs.get(output);
      if (at !== undefined) queue.push({ of: builtPath(of, output), path: at, used: inner });
    }
  }
  return (of, output) => known.get(keyOf(of))?.get(output);
}

interface InputUse {
  readonly of: SingleDerivingPath;
  /** Where that derivation is. */
  readonly path: StorePath;
  readonly used: DerivedInputs;
}

/** What is built of a derivation whose outputs are not known is one with the store paths of its inputs put in. */
async function builtAs(store: Store, path: StorePath): Promise<StorePath> {
  if (!(await store.validPaths([path])).has(path)) return path;
  const derivation = await readDerivation(store, path);
  if (hasKnownOutputPaths(derivationTypeOf(derivation))) return path;
  const resolved = resolveDerivation(store.storeDir, derivation, await lookupInputs(store, derivation));
  if (resolved === undefined) return path;
  return makeDerivationFile(store.storeDir, { ...resolved, inputDerivations: new Map() }).path;
}
