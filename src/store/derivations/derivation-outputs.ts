import type { CallOptions } from '../../castore/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type DerivationOutputId,
  type OutputName,
  type StorePath,
  hashOfOutput,
  outputPath,
} from '../../nix-compat/index.ts';
import type { Store } from '../store.ts';
import { knownRealisations } from './known-realisations.ts';
import { readDerivation } from './read-derivation.ts';

/** Which store path each output is, or undefined where that shows only when it is built and nobody has said. */
export type DerivationOutputs = ReadonlyMap<OutputName, StorePath | undefined>;

/**
 * The outputs of the derivation at a valid path: as it says itself, else as the store's realisations do. `evalStore` is
 * where derivations are, if not in the store. Throws as `readDerivation`, for it and what it is computed from.
 */
export async function derivationOutputs(
  store: Store,
  path: StorePath,
  { evalStore = store, ...options }: CallOptions & { readonly evalStore?: Store } = {},
): Promise<DerivationOutputs> {
  const derivation = await readDerivation(evalStore, path, options);
  const outputs = staticOutputs(store, derivation);
  if (![...outputs.values()].includes(undefined)) return outputs;
  const ids = await outputIds(evalStore, path, { derivation, ...options });
  const known = new Map(outputs);
  for (const [output, id] of ids) {
    if (outputs.get(output) === undefined) known.set(output, (await store.realisation(id, options))?.path);
  }
  return known;
}

/** As `derivationOutputs` for each of `derivations`, which are those at valid paths; one question for all. */
export async function outputsOfDerivations(
  store: Store,
  derivations: ReadonlyMap<StorePath, Derivation>,
  { evalStore = store, ...options }: CallOptions & { readonly evalStore?: Store } = {},
): Promise<ReadonlyMap<StorePath, DerivationOutputs>> {
  const outputs = new Map<StorePath, Map<OutputName, StorePath | undefined>>();
  const asked: { readonly path: StorePath; readonly output: OutputName; readonly id: DerivationOutputId }[] = [];
  for (const [path, derivation] of derivations) {
    const known = new Map(staticOutputs(store, derivation));
    outputs.set(path, known);
    if (![...known.values()].includes(undefined)) continue;
    const ids = await outputIds(evalStore, path, { derivation, ...options });
    for (const [output, id] of ids) if (known.get(output) === undefined) asked.push({ path, output, id });
  }
  const ids = asked.map(({ id }) => id);
  const realisations = await knownRealisations(store, ids, options);
  for (const { path, output, id } of asked) outputs.get(path)?.set(output, realisations.get(id)?.path);
  return outputs;
}

/** What realisations call the outputs of the derivation at a valid path. Throws as `derivationOutputs`. */
export async function outputIds(
  store: Store,
  path: StorePath,
  options: CallOptions & { readonly derivation?: Derivation } = {},
): Promise<ReadonlyMap<OutputName, DerivationOutputId>> {
  const derivation = options.derivation ?? (await readDerivation(store, path, options));
  if (store.outputIds !== undefined) return store.outputIds(derivation, path);
  const inputs = await readInputDerivations(store, derivation, options);
  const hasher = new DerivationHasher(store.storeDir, input => inputs.get(input));
  const hash = hasher.hash(derivation, { maskOutputs: true });
  return new Map(
    Array.from(derivation.outputs.keys(), output => {
      return [output, { derivationHash: hashOfOutput(hash, output, path), output }] as const;
    }),
  );
}

/** The outputs whose paths follow from the derivation; undefined for the others. */
export function staticOutputs({ storeDir }: Pick<Store, 'storeDir'>, derivation: Derivation): DerivationOutputs {
  const { name } = derivation;
  return new Map(
    Array.from(derivation.outputs, ([output, of]) => [output, outputPath(of, output, { name, storeDir })] as const),
  );
}

/** All derivations that one is computed from. Throws as `readDerivation`. */
export async function readInputDerivations(
  store: Store,
  derivation: Derivation,
  options?: CallOptions,
): Promise<ReadonlyMap<StorePath, Derivation>> {
  const known = new Map<StorePath, Derivation>();
  const wanted = new Set(derivation.inputDerivations.keys());
  // What is added to a set while it is iterated over is reached, too.
  for (const path of wanted) {
    const input = await readDerivation(store, path, options);
    known.set(path, input);
    for (const next of input.inputDerivations.keys()) wanted.add(next);
  }
  return known;
}
