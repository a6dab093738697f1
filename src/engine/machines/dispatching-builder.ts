import type { BuildResult } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import { failed } from '../build/build-results.ts';
import type { BuildJob, BuildOptions, BuildSlot, DerivationBuilder } from '../build/derivation-builder.ts';
import { parseOptions } from '../build/read-options.ts';
import { notLocalRejection } from '../build/reject-build.ts';
import { buildNeeds } from './build-needs.ts';
import type { Elsewhere } from './elsewhere.ts';
import { MachineUnreachable } from './machine-pool.ts';
import { type RemoteBuildContext, buildRemotely } from './build-remotely.ts';

export interface DispatchingBuilderOptions extends RemoteBuildContext {
  readonly store: Store;
  /** Called at the first build that might go elsewhere. */
  readonly openElsewhere: () => Elsewhere;
  /** Whether another process looks at the store for it, so that what is built here must be valid for everybody at once. */
  readonly othersLook: boolean;
  /** Who builds on this machine; undefined where the store is none that is built in. */
  readonly local: DerivationBuilder | undefined;
}

/**
 * Has derivations built by other machines where one is free that builds such things, else by this one: as C++ Nix chooses.
 * What prefers it (`preferLocalBuild`) is built here if it can be, and so is what is checked or repaired.
 */
export class DispatchingBuilder implements DerivationBuilder {
  readonly slots: number;
  readonly #options: DispatchingBuilderOptions;
  #elsewhere: Elsewhere | undefined;

  /** The local builder stays the caller's. */
  constructor(options: DispatchingBuilderOptions) {
    this.#options = options;
    this.slots = options.local?.slots ?? 0;
  }

  /** Whether a machine takes it shows only then. */
  rejection(): undefined {
    return undefined;
  }

  async build(job: BuildJob, options: BuildOptions): Promise<BuildResult> {
    const { local, store } = this.#options;
    const rejection = local === undefined ? notLocalRejection : local.rejection(job);
    const able = rejection === undefined ? local : undefined;
    const here = (slot?: BuildSlot & Disposable): Promise<BuildResult> | BuildResult =>
      able?.build(job, {
        ...options,
        ...(slot === undefined ? {} : { slots: sourceOf(slot, options) }),
        ...(this.#options.othersLook ? { settles: undefined } : {}),
      }) ?? failed('InputRejected', rejection ?? '');
    const given = parseOptions(store, job.derivation);
    if (job.mode !== 'normal' || (given.preferLocalBuild && able !== undefined)) return here();
    const elsewhere = (this.#elsewhere ??= this.#options.openElsewhere());
    if (elsewhere.isEmpty) return here();
    // What was sent here to be built is not sent on: two machines that name each other would never end.
    if (!(await store.validPaths([job.path], { signal: options.signal })).has(job.path)) return here();
    const needs = buildNeeds(job.derivation, given);
    for (;;) {
      const place = await elsewhere.choose({ job, needs, canBuildHere: able !== undefined }, options);
      if (place.kind === 'here') return here(place.slot);
      if (place.kind === 'nowhere') return here();
      using taker = place.taker;
      try {
        return await buildRemotely(taker, { store, job, context: this.#options, options });
      } catch (error) {
        if (!(error instanceof MachineUnreachable)) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#elsewhere?.[Symbol.asyncDispose]();
  }
}

/** Of a build that has its slot already. */
function sourceOf(slot: BuildSlot & Disposable, { slots }: BuildOptions): BuildOptions['slots'] {
  let isThere = true;
  return {
    get hasFree() {
      return slots.hasFree;
    },
    acquire: signal => {
      if (!isThere) return slots.acquire(signal);
      isThere = false;
      return Promise.resolve(slot);
    },
  };
}
