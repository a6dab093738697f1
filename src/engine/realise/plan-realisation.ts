import type { CallOptions } from '../../castore/index.ts';
import {
  type BuiltPaths,
  type ContentAddress,
  type Derivation,
  type DerivedInputs,
  type DerivingPath,
  type OutputName,
  type OutputsSpec,
  type SingleDerivingPath,
  type StorePath,
  builtPath,
  derivationTypeOf,
  formatDerivingPath,
  hasOutput,
  namedOutputs,
  opaquePath,
  parseDerivationOptions,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import {
  type MissingPaths,
  type Store,
  type Substituters,
  derivationOutputs,
  outputIds,
  queryMissing,
  readDerivation,
  staticOutputs,
} from '../../store/index.ts';

/** What making some deriving paths valid would take, as far as that is known before anything is done. */
export interface RealisationPlan extends MissingPaths {
  readonly willBuild: ReadonlySet<StorePath>;
  /** Outputs of derivations that builds have yet to make: what these need is not in the plan. */
  readonly unplanned: readonly BuiltPaths[];
  /** Of what will be built: the builds that wait for it, on the longest way to what is wanted. */
  readonly weights: ReadonlyMap<StorePath, number>;
  /** What of the wanted is valid already, with the outputs that it stands for: none for a store path. */
  readonly settled: ReadonlyMap<DerivingPath, SettledOutputs>;
}

export type SettledOutputs = ReadonlyMap<OutputName, StorePath>;

export interface PlanOptions extends CallOptions {
  /** Where the derivations are; the store unless given. */
  readonly evalStore?: Store;
  readonly alwaysAllowSubstitutes?: boolean;
}

/** Outputs that are wanted, and which derivation wants them where one does. */
interface Need {
  readonly path: BuiltPaths;
  readonly user: StorePath | undefined;
}

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
  const { evalStore = store, alwaysAllowSubstitutes = false, signal } = options;
  const stores = { store, evalStore };
  const settled = await findSettled(stores, [...wanted], signal);
  const paths = new Set<StorePath>();
  const queue: Need[] = [];
  for (const path of wanted) {
    if (settled.has(path)) continue;
    if (path.kind === 'opaque') paths.add(path.path);
    else queue.push({ path, user: undefined });
  }
  const inputsOf = new Map<StorePath, Set<StorePath>>();
  const unplanned = new Map<string, BuiltPaths>();
  // A derivation with a fixed output has no other.
  const contentAddresses = new Map<StorePath, ContentAddress>();
  const seen = new Set<string>();
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { path: need, user } = next;
    if (need.derivation.kind === 'opaque' && inputsOf.has(need.derivation.path)) {
      if (user !== undefined) inputsOf.get(user)?.add(need.derivation.path);
      continue;
    }
    const located = await locateDerivation(stores, need.derivation, signal);
    if (located.kind === 'made') {
      const { maker, output } = located;
      unplanned.set(formatDerivingPath(store.storeDir, need), need);
      queue.push({ path: { kind: 'built', derivation: opaquePath(maker), outputs: namedOutputs([output]) }, user });
      continue;
    }
    const { path, home } = located;
    // What made it is before it on the way to what is wanted, but nothing of that is left to do.
    if (user !== undefined) inputsOf.get(user)?.add(path);
    if (inputsOf.has(path)) continue;
    if (home === undefined) {
      paths.add(path);
      continue;
    }
    const derivation = await readDerivation(home, path, { signal });
    const { allowSubstitutes } = parseDerivationOptions(store.storeDir, derivation);
    const maySubstitute = allowSubstitutes || alwaysAllowSubstitutes;
    const realisations = maySubstitute ? substituters : undefined;
    const wants = { path, derivation, outputs: need.outputs };
    const lacking = await lackingOutputs({ store, home, realisations }, wants, signal);
    if (lacking.length === 0) continue;
    const known = lacking.filter(output => output !== undefined);
    if (known.length === lacking.length && maySubstitute) {
      const [fixed] = derivation.outputs.values();
      if (fixed?.kind === 'fixed') for (const output of known) contentAddresses.set(output, fixed.address);
      const found = await Promise.all(
        known.map(output => substituters.find(output, { contentAddress: contentAddresses.get(output), signal })),
      );
      if (!found.includes(undefined)) {
        for (const output of known) paths.add(output);
        continue;
      }
    }
    inputsOf.set(path, new Set());
    for (const source of await unsettled(stores, derivation, signal)) paths.add(source);
    for (const used of usedOutputs(derivation)) {
      const key = `${path} ${formatDerivingPath(store.storeDir, used)}`;
      if (!seen.has(key)) queue.push({ path: used, user: path });
      seen.add(key);
    }
  }
  const missing = await queryMissing(store, substituters, paths, { contentAddresses, signal });
  return {
    willBuild: new Set(inputsOf.keys()),
    unplanned: [...unplanned.keys()].toSorted().flatMap(key => unplanned.get(key) ?? []),
    weights: weigh(inputsOf),
    settled,
    ...missing,
  };
}

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
    const { kind } = await locateDerivation(stores, path.derivation, signal);
    if (kind === 'made') found.set(formatDerivingPath(stores.store.storeDir, path), path);
  };
  for (const path of wanted) await look(path);
  for (const path of willBuild) {
    const home = await homeOf([stores.evalStore, stores.store], path, signal);
    if (home === undefined) continue;
    for (const used of usedOutputs(await readDerivation(home, path, { signal }))) await look(used);
  }
  return [...found.keys()].toSorted().flatMap(key => found.get(key) ?? []);
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

interface Stores {
  readonly store: Store;
  readonly evalStore: Store;
}

async function homeOf(stores: readonly Store[], path: StorePath, signal: AbortSignal | undefined) {
  for (const store of new Set(stores)) if ((await store.validPaths([path], { signal })).has(path)) return store;
  return undefined;
}

/** Where a derivation is, or what has to be realised before that can be said. */
type LocatedDerivation =
  /** `home` is undefined where no store has it. */
  | { readonly kind: 'known'; readonly path: StorePath; readonly home: Store | undefined }
  | { readonly kind: 'made'; readonly maker: StorePath; readonly output: OutputName };

async function locateDerivation(
  { store, evalStore }: Stores,
  derivation: SingleDerivingPath,
  signal: AbortSignal | undefined,
): Promise<LocatedDerivation> {
  const { base, outputs } = unrollDerivingPath(derivation);
  let path = base;
  let home = await homeOf([evalStore, store], path, signal);
  for (const output of outputs) {
    if (home === undefined) return { kind: 'made', maker: path, output };
    const made = (await derivationOutputs(store, path, { evalStore: home, signal })).get(output);
    const madeHome = made === undefined ? undefined : await homeOf([evalStore, store], made, signal);
    if (made === undefined || madeHome === undefined) return { kind: 'made', maker: path, output };
    [path, home] = [made, madeHome];
  }
  return { kind: 'known', path, home };
}

/** The outputs that are not valid; undefined stands for those whose paths nobody knows, `realisations` included. */
async function lackingOutputs(
  {
    store,
    home,
    realisations,
  }: { readonly store: Store; readonly home: Store; readonly realisations: Substituters | undefined },
  {
    path,
    derivation,
    outputs,
  }: { readonly path: StorePath; readonly derivation: Derivation; readonly outputs: OutputsSpec },
  signal: AbortSignal | undefined,
): Promise<(StorePath | undefined)[]> {
  const foreseen = staticOutputs(home, derivation);
  const isForeseen = ![...foreseen.values()].includes(undefined);
  const known = isForeseen ? foreseen : await derivationOutputs(store, path, { evalStore: home, signal });
  const wanted = new Map([...known].filter(([output]) => hasOutput(outputs, output)));
  if (realisations !== undefined && derivationTypeOf(derivation) !== 'impure') {
    const unknown = [...wanted].filter(([, at]) => at === undefined).map(([output]) => output);
    const ids = unknown.length === 0 ? undefined : await outputIds(home, path, { derivation, signal });
    for (const output of unknown) {
      const id = ids?.get(output);
      if (id !== undefined) wanted.set(output, (await realisations.findRealisation(id, { signal }))?.path);
    }
  }
  const all = [...wanted.values()];
  const valid = await store.validPaths(
    all.filter(output => output !== undefined),
    { signal },
  );
  return all.filter(output => output === undefined || !valid.has(output));
}

/** What a derivation uses of others, outputs of outputs included. */
function* usedOutputs({ inputDerivations }: Derivation): Generator<BuiltPaths> {
  const queue: Used[] = Array.from(inputDerivations, ([path, used]) => [opaquePath(path), used]);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [derivation, { outputs, dynamic }] = next;
    if (outputs.length > 0) yield { kind: 'built', derivation, outputs: namedOutputs(outputs) };
    for (const [output, used] of dynamic) queue.push([builtPath(derivation, output), used]);
  }
}

type Used = readonly [SingleDerivingPath, DerivedInputs];

/** The sources that the store of the evaluation does not have to give. */
async function unsettled(
  { store, evalStore }: Stores,
  { inputSources }: Derivation,
  signal: AbortSignal | undefined,
): Promise<Iterable<StorePath>> {
  if (store === evalStore) return inputSources;
  return new Set(inputSources).difference(await evalStore.validPaths(inputSources, { signal }));
}

/** From what is wanted to what that needs, each after all that need it: derivations have no cycles. */
function weigh(inputsOf: ReadonlyMap<StorePath, Iterable<StorePath>>): Map<StorePath, number> {
  const dependents = new Map<StorePath, number>();
  const inputs = new Map<StorePath, StorePath[]>();
  for (const [path, all] of inputsOf) {
    const some = [...all].filter(input => inputsOf.has(input));
    inputs.set(path, some);
    for (const input of some) dependents.set(input, (dependents.get(input) ?? 0) + 1);
  }
  const weights = new Map<StorePath, number>();
  const ready = [...inputsOf.keys()].filter(path => !dependents.has(path));
  for (const path of ready) weights.set(path, 0);
  for (let path = ready.pop(); path !== undefined; path = ready.pop()) {
    const weight = (weights.get(path) ?? 0) + 1;
    for (const input of inputs.get(path) ?? []) {
      weights.set(input, Math.max(weights.get(input) ?? 0, weight));
      const left = (dependents.get(input) ?? 1) - 1;
      dependents.set(input, left);
      if (left === 0) ready.push(input);
    }
  }
  return weights;
}
