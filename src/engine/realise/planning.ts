import { forEachConcurrent, mapConcurrent } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type BuiltPaths,
  type ContentAddress,
  type Derivation,
  type OutputName,
  type OutputsSpec,
  type StorePath,
  allOutputs,
  derivationTypeOf,
  formatDerivingPath,
  formatOutputsSpec,
  hasOutput,
  isDerivationPath,
  namedOutputs,
  opaquePath,
  parseDerivationOptions,
} from '../../nix-compat/index.ts';
import {
  type Store,
  type Substituters,
  lookupsAtOnce,
  outputIds,
  outputsOfDerivations,
  readDerivations,
} from '../../store/index.ts';
import { type LocatedDerivation, type Stores, locateDerivations } from './locate-derivations.ts';
import { usedOutputs } from './used-outputs.ts';

export interface PlanOptions extends CallOptions {
  /** Where the derivations are; the store unless given. */
  readonly evalStore?: Store;
  readonly alwaysAllowSubstitutes?: boolean;
}

/** Outputs that are wanted, and which derivation wants them where one does. */
export interface Need {
  readonly path: BuiltPaths;
  readonly user: StorePath | undefined;
  /** The store that has the user, and so the derivations that it needs. */
  readonly home?: Store | undefined;
}

/** What of a derivation is wanted, and the store that has it. */
interface WantedOutputs {
  readonly home: Store;
  outputs: OutputsSpec;
}

/** A plan that is being made, all needs that are known at a time at once: stores are asked as often as the graph is deep. */
export class Planning {
  /** Of what will be built. */
  readonly inputsOf = new Map<StorePath, Set<StorePath>>();
  /** What is not built, but has to be there. */
  readonly paths = new Set<StorePath>();
  readonly unplanned = new Map<string, BuiltPaths>();
  /** A derivation with a fixed output has no other. */
  readonly contentAddresses = new Map<StorePath, ContentAddress>();
  readonly #stores: Stores;
  readonly #substituters: Substituters;
  readonly #options: PlanOptions;
  /** Derivations that others need as files, not for their outputs. */
  readonly #files = new Map<StorePath, readonly StorePath[]>();
  /** Outputs for which nothing is built. */
  readonly #had = new Set<string>();

  constructor(stores: Stores, substituters: Substituters, options: PlanOptions) {
    this.#stores = stores;
    this.#substituters = substituters;
    this.#options = options;
  }

  /** What has to be there before the derivation at `path` is built. */
  needsOf(path: StorePath): Iterable<StorePath> {
    const inputs = this.inputsOf.get(path) ?? [];
    const files = this.#files.get(path);
    return files === undefined ? inputs : new Set([...inputs, ...files]);
  }

  /** Takes `needs` into the plan: what these need. */
  async plan(needs: readonly Need[]): Promise<Need[]> {
    const next: Need[] = [];
    const wanted = await this.#locate(needs, next);
    const derivations = await this.#read(wanted);
    const lacking = await this.#lackingOutputs(wanted, derivations);
    const options = { limit: lookupsAtOnce, signal: this.#options.signal };
    const toBuild = await mapConcurrent(lacking, options, async ([path, outputs], signal) => {
      const derivation = derivations.get(path);
      if (derivation === undefined || (await this.#isSubstitutable(derivation, outputs, signal))) return undefined;
      return { path, derivation };
    });
    const builds = toBuild.filter(build => build !== undefined);
    for (const { path, derivation } of builds) {
      this.inputsOf.set(path, new Set());
      const files = derivation.inputSources.filter(isDerivationPath);
      if (files.length > 0) this.#files.set(path, files);
    }
    for (const [path, { outputs }] of wanted) if (!this.inputsOf.has(path)) this.#had.add(keyOf(path, outputs));
    const sources = new Set(builds.flatMap(({ derivation }) => derivation.inputSources));
    for (const source of await this.#unsettled(sources)) this.paths.add(source);
    for (const { path, derivation } of builds) {
      for (const used of usedOutputs(derivation)) {
        if (used.derivation.kind === 'opaque') this.inputsOf.get(path)?.add(used.derivation.path);
        if (!this.#isPlanned(used)) next.push({ path: used, user: path, home: wanted.get(path)?.home });
      }
    }
    return next;
  }

  #isPlanned({ derivation, outputs }: BuiltPaths): boolean {
    if (derivation.kind !== 'opaque') return false;
    return this.inputsOf.has(derivation.path) || (this.#had.size > 0 && this.#had.has(keyOf(derivation.path, outputs)));
  }

  /** The derivations that `needs` are outputs of; to `next` goes what makes those that are not there yet. */
  async #locate(needs: readonly Need[], next: Need[]): Promise<Map<StorePath, WantedOutputs>> {
    const { storeDir } = this.#stores.store;
    const wanted = new Map<StorePath, WantedOutputs>();
    for (const [{ path: need, user }, at] of await this.#placesOf(needs)) {
      if (at.kind === 'made') {
        this.unplanned.set(formatDerivingPath(storeDir, need), need);
        const maker = { kind: 'built', derivation: opaquePath(at.maker), outputs: namedOutputs([at.output]) } as const;
        next.push({ path: maker, user });
        if (user !== undefined) this.inputsOf.get(user)?.add(at.maker);
        continue;
      }
      // What made it is before it on the way to what is wanted, but nothing of that is left to do.
      if (user !== undefined) this.inputsOf.get(user)?.add(at.path);
      const others = wanted.get(at.path);
      if (at.home === undefined) this.paths.add(at.path);
      else if (others !== undefined) others.outputs = uniteOutputs(others.outputs, need.outputs);
      else if (!this.#isPlanned({ kind: 'built', derivation: opaquePath(at.path), outputs: need.outputs }))
        wanted.set(at.path, { home: at.home, outputs: need.outputs });
    }
    return wanted;
  }

  async #placesOf(needs: readonly Need[]): Promise<(readonly [Need, LocatedDerivation])[]> {
    const places: (readonly [Need, LocatedDerivation])[] = [];
    const sought: Need[] = [];
    for (const need of needs) {
      const { path, home } = need;
      if (path.derivation.kind === 'opaque' && home !== undefined)
        places.push([need, { kind: 'known', path: path.derivation.path, home }]);
      else sought.push(need);
    }
    const all = sought.map(({ path }) => path.derivation);
    const located = await locateDerivations(this.#stores, all, { signal: this.#options.signal });
    for (const [index, need] of sought.entries()) {
      const place = located[index];
      if (place !== undefined) places.push([need, place]);
    }
    return places;
  }

  async #read(wanted: ReadonlyMap<StorePath, WantedOutputs>): Promise<ReadonlyMap<StorePath, Derivation>> {
    const derivations = new Map<StorePath, Derivation>();
    for (const home of new Set([this.#stores.evalStore, this.#stores.store])) {
      const there = [...wanted].filter(([, each]) => each.home === home).map(([path]) => path);
      for (const [path, derivation] of await readDerivations(home, there, { signal: this.#options.signal }))
        derivations.set(path, derivation);
    }
    return derivations;
  }

  /** The outputs that are not valid; undefined stands for those whose paths nobody knows. */
  async #lackingOutputs(
    wanted: ReadonlyMap<StorePath, WantedOutputs>,
    derivations: ReadonlyMap<StorePath, Derivation>,
  ): Promise<(readonly [StorePath, readonly (StorePath | undefined)[]])[]> {
    const { store } = this.#stores;
    const outputs = new Map<StorePath, Map<OutputName, StorePath | undefined>>();
    for (const home of new Set([this.#stores.evalStore, store])) {
      const there = new Map([...derivations].filter(([path]) => wanted.get(path)?.home === home));
      const known = await outputsOfDerivations(store, there, { evalStore: home, signal: this.#options.signal });
      for (const [path, all] of known) {
        const of = wanted.get(path)?.outputs ?? allOutputs;
        outputs.set(path, new Map([...all].filter(([output]) => hasOutput(of, output))));
      }
      await this.#askSubstituters(home, there, outputs);
    }
    const paths = [...outputs.values()].flatMap(all => [...all.values()].filter(path => path !== undefined));
    const valid = await store.validPaths(paths, { signal: this.#options.signal });
    const isLacking = (path: StorePath | undefined) => path === undefined || !valid.has(path);
    return [...outputs]
      .map(([path, all]) => [path, [...all.values()].filter(isLacking)] as const)
      .filter(([, lacking]) => lacking.length > 0);
  }

  /** Puts in which store paths the outputs are that only substituters know. */
  async #askSubstituters(
    home: Store,
    derivations: ReadonlyMap<StorePath, Derivation>,
    outputs: ReadonlyMap<StorePath, Map<OutputName, StorePath | undefined>>,
  ): Promise<void> {
    const options = { limit: lookupsAtOnce, signal: this.#options.signal };
    const unsaid = [...derivations].filter(([path, derivation]) => {
      const isUnknown = [...(outputs.get(path)?.values() ?? [])].includes(undefined);
      return isUnknown && derivationTypeOf(derivation) !== 'impure' && this.#maySubstitute(derivation);
    });
    if (unsaid.length === 0 || !(await this.#substituters.hasAny())) return;
    await forEachConcurrent(unsaid, options, async ([path, derivation], signal) => {
      const ids = await outputIds(home, path, { derivation, signal });
      for (const [output, known] of outputs.get(path) ?? []) {
        const id = known === undefined ? ids.get(output) : undefined;
        if (id === undefined) continue;
        outputs.get(path)?.set(output, (await this.#substituters.findRealisation(id, { signal }))?.path);
      }
    });
  }

  #maySubstitute(derivation: Derivation): boolean {
    if (this.#options.alwaysAllowSubstitutes === true) return true;
    return parseDerivationOptions(this.#stores.store.storeDir, derivation).allowSubstitutes;
  }

  /** Whether all of `lacking` is to be had from somewhere; then it is among the paths. */
  async #isSubstitutable(
    derivation: Derivation,
    lacking: readonly (StorePath | undefined)[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const known = lacking.filter(output => output !== undefined);
    if (known.length < lacking.length || !this.#maySubstitute(derivation)) return false;
    const [fixed] = derivation.outputs.values();
    const contentAddress = fixed?.kind === 'fixed' ? fixed.address : undefined;
    if (contentAddress !== undefined) for (const output of known) this.contentAddresses.set(output, contentAddress);
    const found = await Promise.all(known.map(output => this.#substituters.find(output, { contentAddress, signal })));
    if (found.includes(undefined)) return false;
    for (const output of known) this.paths.add(output);
    return true;
  }

  /** The sources that the store of the evaluation does not have to give. */
  async #unsettled(sources: ReadonlySet<StorePath>): Promise<Iterable<StorePath>> {
    const { store, evalStore } = this.#stores;
    if (store === evalStore) return sources;
    return sources.difference(await evalStore.validPaths(sources, { signal: this.#options.signal }));
  }
}

function keyOf(path: StorePath, outputs: OutputsSpec): string {
  return `${path}^${formatOutputsSpec(outputs)}`;
}

function uniteOutputs(a: OutputsSpec, b: OutputsSpec): OutputsSpec {
  return a.kind === 'all' || b.kind === 'all' ? allOutputs : namedOutputs([...a.names, ...b.names]);
}
