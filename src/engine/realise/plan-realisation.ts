import type { CallOptions } from '../../castore/index.ts';
import {
  type ContentAddress,
  type Derivation,
  type DerivingPath,
  type OutputName,
  type OutputsSpec,
  type StorePath,
  hasOutput,
  namedOutputs,
  parseDerivationOptions,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import {
  type MissingPaths,
  type Store,
  type Substituters,
  derivationOutputs,
  queryMissing,
  readDerivation,
  staticOutputs,
} from '../../store/index.ts';

/** What making some deriving paths valid would take, as far as that is known before anything is done. */
export interface RealisationPlan extends MissingPaths {
  readonly willBuild: ReadonlySet<StorePath>;
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

/** Outputs of the derivation at a store path. */
interface WantedOutputs {
  readonly derivation: StorePath;
  readonly outputs: OutputsSpec;
}

/**
 * What `store` lacks of `wanted`, and of all that this needs. A derivation has to be built where one of its outputs is to
 * be had from no substituter; that what outputs refer to is had from nowhere shows later, as in C++ Nix. Of outputs of
 * outputs the innermost derivation is planned. Throws as `queryMissing` and `readDerivation`.
 */
export async function planRealisation(
  { store, substituters }: { readonly store: Store; readonly substituters: Substituters },
  wanted: Iterable<DerivingPath>,
  options: PlanOptions = {},
): Promise<RealisationPlan> {
  const { evalStore = store, alwaysAllowSubstitutes = false, signal } = options;
  const settled = await findSettled({ store, evalStore }, [...wanted], signal);
  const paths = new Set<StorePath>();
  const queue: WantedOutputs[] = [];
  for (const path of wanted) {
    if (settled.has(path)) continue;
    if (path.kind === 'opaque') paths.add(path.path);
    else queue.push(innermost(path));
  }
  const inputsOf = new Map<StorePath, Iterable<StorePath>>();
  // A derivation with a fixed output has no other.
  const contentAddresses = new Map<StorePath, ContentAddress>();
  const seen = new Set<string>();
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { derivation: path, outputs } = next;
    if (inputsOf.has(path)) continue;
    const home = await homeOf([evalStore, store], path, signal);
    if (home === undefined) {
      paths.add(path);
      continue;
    }
    const derivation = await readDerivation(home, path, { signal });
    const lacking = await lackingOutputs({ store, home }, { path, derivation, outputs }, signal);
    if (lacking.length === 0) continue;
    const { allowSubstitutes } = parseDerivationOptions(store.storeDir, derivation);
    const known = lacking.filter(output => output !== undefined);
    if (known.length === lacking.length && (allowSubstitutes || alwaysAllowSubstitutes)) {
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
    inputsOf.set(path, derivation.inputDerivations.keys());
    for (const source of await unsettled({ store, evalStore }, derivation, signal)) paths.add(source);
    for (const [input, used] of derivation.inputDerivations) {
      const names = used.outputs.length > 0 ? used.outputs : [...used.dynamic.keys()];
      const key = `${input}!${names.join(',')}`;
      if (!seen.has(key)) queue.push({ derivation: input, outputs: namedOutputs(names) });
      seen.add(key);
    }
  }
  const missing = await queryMissing(store, substituters, paths, { contentAddresses, signal });
  return { willBuild: new Set(inputsOf.keys()), weights: weigh(inputsOf), settled, ...missing };
}

/** What is valid already is the common case, and is found out by two questions for all of it. */
async function findSettled(
  { store, evalStore }: { readonly store: Store; readonly evalStore: Store },
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

function innermost({ derivation, outputs }: Extract<DerivingPath, { readonly kind: 'built' }>): WantedOutputs {
  const { base, outputs: chain } = unrollDerivingPath(derivation);
  const [first] = chain;
  return { derivation: base, outputs: first === undefined ? outputs : namedOutputs([first]) };
}

async function homeOf(stores: readonly Store[], path: StorePath, signal: AbortSignal | undefined) {
  for (const store of new Set(stores)) if ((await store.validPaths([path], { signal })).has(path)) return store;
  return undefined;
}

/** The outputs that are not valid; undefined stands for those whose paths nobody knows. */
async function lackingOutputs(
  { store, home }: { readonly store: Store; readonly home: Store },
  {
    path,
    derivation,
    outputs,
  }: { readonly path: StorePath; readonly derivation: Derivation; readonly outputs: OutputsSpec },
  signal: AbortSignal | undefined,
): Promise<(StorePath | undefined)[]> {
  const foreseen = staticOutputs(home, derivation);
  const isForeseen = ![...foreseen.values()].includes(undefined);
  const known = isForeseen ? foreseen : await derivationOutputs(home, path, { signal });
  const wanted = [...known].filter(([output]) => hasOutput(outputs, output)).map(([, output]) => output);
  const valid = await store.validPaths(
    wanted.filter(output => output !== undefined),
    { signal },
  );
  return wanted.filter(output => output === undefined || !valid.has(output));
}

/** The sources that the store of the evaluation does not have to give. */
async function unsettled(
  { store, evalStore }: { readonly store: Store; readonly evalStore: Store },
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
