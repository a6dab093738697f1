import { displayBytes } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type BuildMode,
  type DerivingPath,
  type OutputName,
  type PathInfo,
  type SingleDerivingPath,
  type StorePath,
  baseStorePath,
  formatDerivingPath,
  formatOutputId,
  formatSingleDerivingPath,
  isBuildSuccess,
  printStorePath,
} from '../../nix-compat/index.ts';
import {
  type AddOptions,
  type ByteChannel,
  type LocalStore,
  StoreError,
  type TreeSource,
  addToStore,
  computeClosure,
} from '../../store/index.ts';
import { EngineError } from '../error.ts';
import type { RealisationPlan } from '../realise/plan-realisation.ts';
import type { Realised } from '../realise/realiser.ts';
import { RestrictedStore } from './restricted-store.ts';
import type { RunningBuild } from './running-build.ts';
import { SlotLender } from './slot-lender.ts';
import type { BuildSlot } from '../build/derivation-builder.ts';

/**
 * What a builder may do with the store: `build` what it likes (`recursive-nix`), or `submit` outputs that it adds itself
 * (`builder-rpc-v0`), so that it never waits for anybody.
 */
export type NestedMode = 'build' | 'submit';

/** Makes deriving paths valid for a build that is going on. */
export interface NestedRealising {
  /** Throws as `Realiser.realise`. */
  realise(wanted: readonly DerivingPath[], options: NestedRequest): Promise<Realised>;
  /** Throws as `planRealisation`. */
  plan(wanted: readonly DerivingPath[], options: CallOptions): Promise<RealisationPlan>;
}

export interface NestedRequest {
  readonly signal: AbortSignal;
  /** The build whose builder asks. */
  readonly parent: RunningBuild;
}

/** Serves what a builder may see and do of the store to it, by whatever protocol. */
export interface NestedServer {
  /** Until either side ends, or `signal` is aborted. */
  serve(channel: ByteChannel, nested: NestedStore, signal: AbortSignal): Promise<void>;
}

export interface NestedStoreOptions {
  readonly store: LocalStore;
  readonly mode: NestedMode;
  readonly build: RunningBuild;
  readonly slot: BuildSlot;
  readonly realising: NestedRealising;
  /** Names of the outputs that the builder is to make. */
  readonly outputs: Iterable<OutputName>;
  /** What the builder knows before it has added anything: the closure of its inputs. */
  readonly inputs: ReadonlySet<StorePath>;
  /** Makes paths that the builder gets to know visible to it. */
  readonly show: (paths: readonly StorePath[]) => Promise<void>;
}

/** The store for one builder. What it adds or builds is kept as long as this process keeps what it builds. */
export class NestedStore {
  readonly store: RestrictedStore;
  readonly mode: NestedMode;
  readonly #options: NestedStoreOptions;
  readonly #slot: SlotLender;
  readonly #outputs: ReadonlySet<OutputName>;
  readonly #added = new Set<StorePath>();
  /** What is being made visible, by one after the other. */
  readonly #shown = new Map<StorePath, Promise<void>>();
  readonly #realised = new Set<string>();
  readonly #submitted = new Map<OutputName, StorePath>();

  constructor(options: NestedStoreOptions) {
    this.#options = options;
    this.mode = options.mode;
    this.#outputs = new Set(options.outputs);
    this.#slot = new SlotLender(options.slot);
    this.store = new RestrictedStore(options.store, {
      has: path => this.#knows(path),
      all: () => [...options.inputs, ...this.#added],
      hasOutput: id => this.#realised.has(id),
      learn: paths => this.#learn(paths),
    });
  }

  /** What outputs may refer to besides the inputs. */
  get added(): ReadonlySet<StorePath> {
    return this.#added;
  }

  /** Outputs that the builder has named. */
  get submitted(): ReadonlyMap<OutputName, StorePath> {
    return this.#submitted;
  }

  /** Throws `path/invalid`, and as `NestedRealising.realise`. */
  async realise(
    wanted: readonly DerivingPath[],
    { mode, signal }: { readonly mode: BuildMode; readonly signal: AbortSignal },
  ): Promise<Realised> {
    const { store, realising, build } = this.#options;
    if (mode !== 'normal') throw new StoreError('store/unsupported', 'unsupported build mode');
    for (const path of wanted) this.#require(path);
    const realised = await this.#slot.lendWhile(() => realising.realise(wanted, { signal, parent: build }));
    const built = new Set<StorePath>();
    for (const { path, result } of realised.paths) {
      if (!isBuildSuccess(result.outcome)) continue;
      if (path.kind === 'opaque') built.add(path.path);
      for (const [output, { path: at, derivationHash }] of result.outcome.builtOutputs) {
        built.add(at);
        if (derivationHash !== undefined) this.#realised.add(formatOutputId({ derivationHash, output }));
      }
    }
    await this.#learn((await computeClosure(store, built, { signal })).keys());
    return realised;
  }

  /** What the builder does not know is unknown in the plan, too. Throws as `planRealisation`. */
  async plan(wanted: readonly DerivingPath[], options: CallOptions): Promise<RealisationPlan> {
    const known = wanted.filter(path => this.#knows(baseStorePath(path)));
    const plan = await this.#options.realising.plan(known, options);
    const others = wanted.map(baseStorePath).filter(path => !this.#knows(path));
    return { ...plan, unknown: new Set([...plan.unknown, ...others]) };
  }

  /**
   * Adds contents under the path that they give; with `scan` they refer to what of all that the builder knows is found in
   * them. Throws as `addToStore`.
   */
  async addContents(source: TreeSource, options: AddOptions & { readonly scan?: boolean }): Promise<PathInfo> {
    const { store } = this.#options;
    for (const path of options.references?.others ?? []) this.#require({ kind: 'opaque', path });
    const candidates = options.scan === true ? [...this.#options.inputs, ...this.#added] : undefined;
    const { path } = await addToStore(store, source, candidates === undefined ? options : { ...options, candidates });
    await this.#learn([path]);
    const info = await this.store.pathInfo(path, options);
    if (info === undefined) throw new StoreError('path/invalid', `path '${path}' has gone`);
    return info;
  }

  /** Says what an output is. Throws `nested/bad-submission`. */
  submit(path: SingleDerivingPath, output: OutputName): void {
    const { storeDir } = this.#options.store;
    const shown = displayBytes(formatSingleDerivingPath(storeDir, path));
    const name = displayBytes(output);
    if (path.kind === 'built') {
      throw badSubmission(
        `Attempted to submit Built path '${shown}' for output '${name}'.\n Only Opaque paths are supported, see https://github.com/NixOS/nix/issues/12727`,
      );
    }
    if (!this.#knows(path.path)) {
      throw badSubmission(`cannot submit unknown path '${shown}' for output '${name}': add it first`);
    }
    if (!this.#outputs.has(output)) {
      const has = [...this.#outputs].map(each => `'${displayBytes(each)}'`).join(', ');
      throw badSubmission(`cannot submit '${shown}' for output '${name}': the derivation has ${has}`);
    }
    const old = this.#submitted.get(output);
    if (old !== undefined) {
      const [before, now] = [old, path.path].map(each => displayBytes(printStorePath(storeDir, each)));
      throw badSubmission(`Attempted to submit duplicate output '${name}' (old '${before}', new '${now}')`);
    }
    this.#submitted.set(output, path.path);
  }

  #knows(path: StorePath): boolean {
    return this.#options.inputs.has(path) || this.#added.has(path);
  }

  #require(path: DerivingPath): void {
    if (this.#knows(baseStorePath(path))) return;
    const shown = displayBytes(formatDerivingPath(this.#options.store.storeDir, path));
    throw new StoreError('path/invalid', `cannot build '${shown}' in recursive Nix because path is unknown`);
  }

  /** Paths are known once the builder can see them. */
  async #learn(paths: Iterable<StorePath>): Promise<void> {
    const all = new Set(paths);
    const fresh = [...all].filter(path => !this.#knows(path) && !this.#shown.has(path));
    if (fresh.length > 0) {
      const showing = this.#show(fresh);
      // Whoever waits for one of them hears of it.
      showing.catch(() => undefined);
      for (const path of fresh) this.#shown.set(path, showing);
    }
    for (const path of all) await this.#shown.get(path);
  }

  async #show(fresh: readonly StorePath[]): Promise<void> {
    const { store, show } = this.#options;
    try {
      await store.temporaryRoots.add(fresh);
      await show(fresh);
      for (const path of fresh) this.#added.add(path);
    } finally {
      for (const path of fresh) this.#shown.delete(path);
    }
  }
}

function badSubmission(message: string): EngineError {
  return new EngineError('nested/bad-submission', message);
}
