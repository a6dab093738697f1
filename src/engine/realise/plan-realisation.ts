import { type BuiltPaths, type DerivingPath, type OutputName, type StorePath } from '../../nix-compat/index.ts';
import {
  type MissingPaths,
  type Store,
  type Substituters,
  queryMissing,
  readDerivation,
  staticOutputs,
  topologicalOrder,
} from '../../store/index.ts';
import type { Stores } from './locate-derivations.ts';
import { type Need, type PlanOptions, Planning } from './planning.ts';
import { weighBuilds } from './weigh-builds.ts';

/** What making some deriving paths valid would take, as far as that is known before anything is done. */
export interface RealisationPlan extends MissingPaths {
  /** Each after those that it needs. */
  readonly willBuild: ReadonlySet<StorePath>;
  /** Outputs of derivations that builds have yet to make: what these need is not in the plan. */
  readonly unplanned: readonly BuiltPaths[];
  /** Of what will be built: the builds that wait for it, on the longest way to what is wanted. */
  readonly weights: ReadonlyMap<StorePath, number>;
  /** What of the wanted is valid already, with the outputs that it stands for: none for a store path. */
  readonly settled: ReadonlyMap<DerivingPath, SettledOutputs>;
}

export type SettledOutputs = ReadonlyMap<OutputName, StorePath>;

/**
 * What `store` lacks of `wanted`, and of all that this needs. A derivation has to be built where one of its outputs is to
 * be had from no substituter; that what outputs refer to is had from nowhere shows later, as in C++ Nix. Where a derivation
 * is itself the output of another that is not built yet, the other one is planned. Throws as `queryMissing` and `readDerivation`.
 */
export async function planRealisation(
  { store, substituters }: { readonly store: Store; readonly substituters: Substituters },
  wanted: Iterable<DerivingPath>,
  options: PlanOptions = {},
): Promise<RealisationPlan> {
  const { evalStore = store, signal } = options;
  const stores = { store, evalStore };
  const settled = await findSettled(stores, [...wanted], signal);
  const planning = new Planning(stores, substituters, options);
  let needs: Need[] = [];
  for (const path of wanted) {
    if (settled.has(path)) continue;
    if (path.kind === 'opaque') planning.paths.add(path.path);
    else needs.push({ path, user: undefined });
  }
  while (needs.length > 0) needs = await planning.plan(needs);
  const { inputsOf, unplanned, paths, contentAddresses } = planning;
  const missing = await queryMissing(store, substituters, paths, { contentAddresses, signal });
  return {
    willBuild: new Set(topologicalOrder(store.storeDir, inputsOf.keys(), path => planning.needsOf(path))),
    unplanned: [...unplanned.keys()].toSorted().flatMap(key => unplanned.get(key) ?? []),
    weights: weighBuilds(inputsOf),
    settled,
    ...missing,
  };
}

/** What is valid already is the common case, and is found out by two questions for all of it. */
async function findSettled(
  { store, evalStore }: Stores,
  wanted: readonly DerivingPath[],
  signal: AbortSignal | undefined,
): Promise<Map<DerivingPath, SettledOutputs>> {
  const bases = new Map<DerivingPath, StorePath>();
  for (const path of wanted) {
    if (path.kind === 'opaque') bases.set(path, path.path);
    else if (path.derivation.kind === 'opaque') bases.set(path, path.derivation.path);
  }
  const present = await evalStore.validPaths(new Set(bases.values()), { signal });
  const noted = (await evalStore.knownOutputs?.(present, { signal })) ?? new Map<StorePath, SettledOutputs>();
  const outputs = new Map<DerivingPath, SettledOutputs>();
  for (const [path, base] of bases) {
    if (path.kind === 'opaque') outputs.set(path, new Map());
    if (path.kind === 'opaque' || !present.has(base)) continue;
    // Some may be missing there, of derivations whose other outputs show only when they are built.
    const few = noted.get(base);
    const areNoted = path.outputs.kind === 'names' && path.outputs.names.every(name => few?.has(name) === true);
    const all =
      few !== undefined && areNoted ? few : staticOutputs(store, await readDerivation(evalStore, base, { signal }));
    const names = path.outputs.kind === 'all' ? [...all.keys()] : path.outputs.names;
    const known = names.map(name => [name, all.get(name)] as const).filter(isKnown);
    if (known.length === names.length) outputs.set(path, new Map(known));
  }
  const asked = new Set<StorePath>();
  for (const [path, of] of outputs)
    for (const each of path.kind === 'opaque' ? [path.path] : of.values()) asked.add(each);
  const valid = await store.validPaths(asked, { signal });
  const isSettled = (path: DerivingPath, of: SettledOutputs) =>
    path.kind === 'opaque' ? valid.has(path.path) : [...of.values()].every(output => valid.has(output));
  return new Map([...outputs].filter(([path, of]) => isSettled(path, of)));
}

function isKnown(output: readonly [OutputName, StorePath | undefined]): output is readonly [OutputName, StorePath] {
  return output[1] !== undefined;
}
