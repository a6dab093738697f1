import { setImmediate as turn } from 'node:timers/promises';
import { removeTreeAtEase } from '../../castore/index.ts';
import { type BuildResult, type StorePath, isBuildSuccess, printStorePath } from '../../nix-compat/index.ts';
import { StoreError, computeClosure } from '../../store/index.ts';
import { BuildError } from '../error.ts';
import type { BuildContext } from './build-context.ts';
import { alreadyValid, buildFailed } from './build-results.ts';
import type { BuildJob, BuildOptions, DerivationBuilder } from './derivation-builder.ts';
import { findObstacle } from './find-obstacle.ts';
import { describeRejection } from './reject-build.ts';
import { buildLocked } from './build-locked.ts';
import { RunningBuild } from '../nested/running-build.ts';
import { lockOutputs } from './lock-outputs.ts';
import { parseOptions, readOptions } from './read-options.ts';
import { RoomKeeper } from './room-keeper.ts';
import { SandboxRoots } from './sandbox-roots.ts';
import { type OutputStates, inspectOutputs, outputIdsOf, validOutputs } from './output-states.ts';

/**
 * Builds on this machine, for a store on its disk.
 *
 *     await using builder = new LocalDerivationBuilder({ store, executor, settings: readBuildSettings(...), ... });
 *     const { outcome } = await builder.build({ path, derivation, mode: 'normal' }, { signal, reporter });
 */
export class LocalDerivationBuilder implements DerivationBuilder {
  readonly slots: number;
  readonly #context: BuildContext;
  readonly #sandboxRoots: SandboxRoots;

  /** `slots`: how many builds there are at a time. The executor stays the caller's. */
  constructor(context: BuildContext, slots: number) {
    this.#context = context;
    this.#sandboxRoots = new SandboxRoots(context.store);
    this.slots = slots;
  }

  rejection({ path, derivation }: Pick<BuildJob, 'path' | 'derivation'>): string | undefined {
    const { store, settings } = this.#context;
    const obstacle = findObstacle(derivation, parseOptions(store, derivation), settings);
    return describeRejection(store.storeDir, path, { isDisabled: this.slots === 0, obstacle });
  }

  async build(job: BuildJob, options: BuildOptions): Promise<BuildResult> {
    try {
      return await this.#build(job, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof BuildError) return buildFailed(error);
      throw error;
    }
  }

  async #build(job: BuildJob, buildOptions: BuildOptions): Promise<BuildResult> {
    const { signal, reporter, slots, started, settles, nested, parent } = buildOptions;
    const { store } = this.#context;
    store.requireWritable();
    using slot = await slots.acquire(signal);
    started?.();
    using build = new RunningBuild(store.storeDir, job.path, parent);
    const options = readOptions(store, job);
    const ids = outputIdsOf(store, job);
    const inputs = await computeClosure(store, job.derivation.inputSources, { signal });
    // What is found valid stays so, and what is about to be made is not taken for garbage.
    const before = await inspectOutputs(store, job, { ids, reporter });
    await store.temporaryRoots.add([job.path, ...pathsOf(before)], signal);
    await using leftovers = new AsyncDisposableStack();
    leftovers.use(await lockOutputs(store, job, { signal, slot, reporter, build }));
    // Somebody else may have built it meanwhile, or just have begun to collect it.
    const states = await inspectOutputs(store, job, { ids, reporter });
    await store.temporaryRoots.add(pathsOf(states), signal);
    const valid = validOutputs(states);
    if (valid !== undefined && job.mode !== 'check') {
      this.#recordRealisations(states);
      return alreadyValid(states);
    }
    for (const { path, validity } of states.values()) {
      if (path === undefined || validity === 'valid') continue;
      if (validity === 'corrupt') {
        await this.#dropBadContents(path, signal);
        continue;
      }
      reporter.log('debug', () => `removing invalid path '${printStorePath(store.storeDir, path)}'`);
      await removeTreeAtEase(store.realPath(path), { signal });
    }
    await store.makeRoom();
    await using _room = new RoomKeeper(store);
    const sandboxRoots = this.#sandboxRoots;
    const result = await buildLocked(this.#context, {
      job,
      options,
      states,
      inputs: new Set(inputs.keys()),
      signal,
      slot,
      reporter,
      sandboxRoots,
      leftovers,
      settles,
      nested,
      build,
    });
    // Whatever was waiting for the result comes first.
    if (settles !== undefined && isBuildSuccess(result.outcome)) settles(disposeLater(leftovers.move()));
    return result;
  }

  /** What is built anew must not be taken for what is there under the same digest and is not what it was. */
  async #dropBadContents(path: StorePath, signal: AbortSignal): Promise<void> {
    try {
      await this.#context.store.repairer.repair(path, { policy: 'elsewhere', signal });
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'path/irreparable')) throw error;
    }
  }

  /** Paths that are known from the derivation may be older than the wish to have realisations of them. */
  #recordRealisations(states: OutputStates): void {
    const { store, settings } = this.#context;
    if (!settings.recordsRealisations) return;
    for (const { id, path } of states.values()) {
      if (path !== undefined && store.realisations.find(id) === undefined) {
        store.realisations.add({ id, path, signatures: [] });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandboxRoots[Symbol.asyncDispose]();
  }
}

async function disposeLater(resources: AsyncDisposableStack): Promise<void> {
  await turn();
  await resources.disposeAsync();
}

function pathsOf(states: OutputStates): StorePath[] {
  return Array.from(states.values(), ({ path }) => path).filter(path => path !== undefined);
}
