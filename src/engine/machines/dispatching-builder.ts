import { displayBytes, magenta, normal } from '../../base/index.ts';
import {
  type BuildResult,
  type MachineNeeds,
  parseDerivationOptions,
  printStorePath,
  requiredSystemFeatures,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import { failed } from '../build/build-results.ts';
import type { BuildJob, BuildOptions, BuildSlot, DerivationBuilder } from '../build/derivation-builder.ts';
import { notLocalRejection } from '../build/reject-build.ts';
import { describeNoMachine } from './describe-no-machine.ts';
import { type MachineLease, type MachinePool, MachineUnreachable } from './machine-pool.ts';
import { type RemoteBuildContext, buildRemotely } from './build-remotely.ts';

export interface DispatchingBuilderOptions extends RemoteBuildContext {
  readonly store: Store;
  /** Called at the first build that might go elsewhere. */
  readonly openMachines: () => MachinePool;
  /** Who builds on this machine; undefined where the store is none that is built in. */
  readonly local: DerivationBuilder | undefined;
}

type Place =
  | { readonly kind: 'machine'; readonly lease: MachineLease }
  | { readonly kind: 'here'; readonly slot?: BuildSlot & Disposable }
  | { readonly kind: 'nowhere' };

interface Choice {
  readonly machines: MachinePool;
  readonly needs: MachineNeeds;
  readonly canBuildHere: boolean;
}

/**
 * Has derivations built by other machines where one is free that builds such things, else by this one: as C++ Nix chooses.
 * What prefers it (`preferLocalBuild`) is built here if it can be, and so is what is checked or repaired.
 */
export class DispatchingBuilder implements DerivationBuilder {
  readonly slots: number;
  readonly #options: DispatchingBuilderOptions;
  #machines: MachinePool | undefined;

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
      able?.build(job, slot === undefined ? options : { ...options, slots: sourceOf(slot, options) }) ??
      failed('InputRejected', rejection ?? '');
    const given = parseDerivationOptions(store.storeDir, { ...job.derivation, inputDerivations: new Map() });
    if (job.mode !== 'normal' || (given.preferLocalBuild && able !== undefined)) return here();
    const machines = (this.#machines ??= this.#options.openMachines());
    if (machines.machines.length === 0) return here();
    // What was sent here to be built is not sent on: two machines that name each other would never end.
    if (!(await store.validPaths([job.path], { signal: options.signal })).has(job.path)) return here();
    const needs: MachineNeeds = {
      system: displayBytes(job.derivation.platform),
      features: new Set([...requiredSystemFeatures(given, job.derivation)].map(displayBytes)),
    };
    for (;;) {
      const place = await this.#choose(job, options, { machines, needs, canBuildHere: able !== undefined });
      if (place.kind === 'here') return here(place.slot);
      if (place.kind === 'nowhere') {
        const level = able === undefined ? 'warn' : 'chatty';
        options.reporter.log(level, () => describeNoMachine(job.path, needs, machines.machines));
        return here();
      }
      using lease = place.lease;
      try {
        return await buildRemotely(lease, { store, job, context: this.#options, options });
      } catch (error) {
        if (!(error instanceof MachineUnreachable)) throw error;
      }
    }
  }

  async #choose(
    job: BuildJob,
    { signal, slots, reporter, weight }: BuildOptions,
    { machines, needs, canBuildHere }: Choice,
  ): Promise<Place> {
    const { store } = this.#options;
    const found = machines.tryAcquire(needs);
    if (found === 'none') return { kind: 'nowhere' };
    if (found !== 'busy') return { kind: 'machine', lease: found };
    if (canBuildHere && slots.hasFree) return { kind: 'here' };
    const printed = displayBytes(printStorePath(store.storeDir, job.path));
    using _waiting = reporter.startActivity({
      type: 'buildWaiting',
      level: 'warn',
      text: `waiting for a machine to build '${magenta}${printed}${normal}'`,
    });
    // Whichever comes first; what comes second all the same is given back.
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const lease = machines.acquire({ needs, weight, signal: both });
    const slot = canBuildHere ? slots.acquire(both) : undefined;
    let place: Place | undefined;
    try {
      place = await Promise.race([
        lease.then((got): Place => (got === undefined ? { kind: 'nowhere' } : { kind: 'machine', lease: got })),
        ...(slot === undefined ? [] : [slot.then((got): Place => ({ kind: 'here', slot: got }))]),
      ]);
      return place;
    } finally {
      stop.abort(new Error('there is another place to build at'));
      const late: (Disposable | undefined)[] = await Promise.all([
        lease.catch(() => undefined),
        slot?.catch(() => undefined),
      ]);
      for (const each of late) if (each !== undefined && !isTaken(place, each)) each[Symbol.dispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machines?.[Symbol.asyncDispose]();
  }
}

function isTaken(place: Place | undefined, resource: Disposable): boolean {
  if (place?.kind === 'machine') return place.lease === resource;
  return place?.kind === 'here' && place.slot === resource;
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
