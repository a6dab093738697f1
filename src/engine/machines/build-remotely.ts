import { FirnError, displayBytes, magenta, messageOf, normal } from '../../base/index.ts';
import {
  type BuildResult,
  type BuiltOutput,
  type DerivationOutputId,
  type OutputName,
  type StorePath,
  derivationTypeOf,
  outputPath,
  printStorePath,
} from '../../nix-compat/index.ts';
import {
  BuildLogWriter,
  LocalStore,
  type Store,
  StoreError,
  computeClosure,
  outputIds,
  readDerivation,
} from '../../store/index.ts';
import { BuilderOutput } from '../build/builder-output.ts';
import { type BuildTimes, buildFailed, failed, succeeded } from '../build/build-results.ts';
import { describeBuilderFailure } from '../build/builder-failure.ts';
import type { BuildJob, BuildOptions } from '../build/derivation-builder.ts';
import { RunningBuild } from '../nested/running-build.ts';
import { lockOutputs } from '../build/lock-outputs.ts';
import { runPostBuildHook } from '../build/post-build-hook.ts';
import { BuildError, EngineError } from '../error.ts';
import type { MachineSettings, Nesting } from './build-on-machine.ts';
import { BuilderFailedElsewhere, type BuildTaker, type TakenBuild } from './build-taker.ts';
import { MachineUnreachable } from './machine-pool.ts';
import { tapBuildLog } from './tap-build-log.ts';

/** What of this machine's settings builds elsewhere depend on. */
export interface RemoteBuildContext {
  readonly settings: MachineSettings;
  /** Lines of the log's end that a failure shows. */
  readonly logLines: number;
  readonly keepsLog: boolean;
  readonly compressesLog: boolean;
  /** Whether the user sees what builders write, so that failures need not show it again. */
  readonly showsLogs: boolean;
  readonly recordsRealisations: boolean;
  /** Whether failures name `nix log`, or `nix-store -l` in its place. */
  readonly hasNixCommand: boolean;
  /** Empty for none. It gets our environment and, as `nix.conf` has them, all settings. */
  readonly postBuildHook: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly config: () => string;
}

export interface RemoteBuildRequest {
  readonly store: Store;
  readonly job: BuildJob;
  readonly context: RemoteBuildContext;
  readonly options: BuildOptions;
}

/**
 * Builds a derivation on a machine, as one is built here: nobody else builds it meanwhile, its log is shown and kept, its
 * outputs are valid afterwards. Throws `MachineUnreachable` before anything has begun, and as `DerivationBuilder.build`.
 */
export async function buildRemotely(taker: BuildTaker, request: RemoteBuildRequest): Promise<BuildResult> {
  const { store, job, options } = request;
  const { signal, reporter } = options;
  const taken = await taker.begin({ signal, reporter });
  let isGood = false;
  try {
    const ids = await idsOfOutputs(store, job, signal);
    // Nobody here is kept from building: the slot is the machine's.
    const slot = { yieldWhile: (wait: () => Promise<void>) => wait() };
    using running = new RunningBuild(store.storeDir, job.path, options.parent);
    const waiting = { signal, reporter, slot, build: running };
    using _locks = store instanceof LocalStore ? await lockOutputs(store, job, waiting) : undefined;
    const known = await knownPaths(store, job, { ids, signal });
    await store.collector?.addTemporaryRoots([job.path, ...known.paths.values()]);
    if (known.missing.size === 0) {
      isGood = true;
      return succeeded('AlreadyValid', describeOutputs(known.paths, ids));
    }
    options.started?.();
    const nesting = { realising: options.nested, build: running, slot };
    const build = { ...request, uri: taker.uri, ids, missing: known.missing, nesting };
    const end = await runLogged(build, taken);
    isGood = end.isGood;
    return end.result;
  } finally {
    await taken.end(isGood);
  }
}

interface BuildElsewhere extends RemoteBuildRequest {
  /** Of whoever builds. */
  readonly uri: string;
  readonly ids: ReadonlyMap<OutputName, DerivationOutputId>;
  readonly missing: ReadonlySet<OutputName>;
  readonly nesting: Nesting;
}

/** Of a derivation in the store; its input derivations are not among those of the job, and belong to what names its outputs. */
async function idsOfOutputs(store: Store, job: BuildJob, signal: AbortSignal) {
  const derivation = await readDerivation(store, job.path, { signal });
  return outputIds(store, job.path, { derivation, signal });
}

/** Where outputs are or will be, as far as anybody knows, and which are not valid. */
async function knownPaths(
  store: Store,
  { derivation }: BuildJob,
  { ids, signal }: { readonly ids: ReadonlyMap<OutputName, DerivationOutputId>; readonly signal: AbortSignal },
) {
  const paths = new Map<OutputName, StorePath>();
  const isImpure = derivationTypeOf(derivation) === 'impure';
  for (const [name, output] of derivation.outputs) {
    const id = ids.get(name);
    const realised = id === undefined || isImpure ? undefined : await store.realisation(id, { signal });
    const path = realised?.path ?? outputPath(output, name, { name: derivation.name, storeDir: store.storeDir });
    if (path !== undefined) paths.set(name, path);
  }
  const valid = await store.validPaths(paths.values(), { signal });
  const names = [...derivation.outputs.keys()];
  const missing = new Set(
    names.filter(name => {
      const path = paths.get(name);
      return path === undefined || !valid.has(path);
    }),
  );
  return { paths, missing };
}

function describeOutputs(
  paths: ReadonlyMap<OutputName, StorePath>,
  ids: ReadonlyMap<OutputName, DerivationOutputId>,
): ReadonlyMap<OutputName, BuiltOutput> {
  const sorted = [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map(
    sorted.map(([name, path]) => [name, { path, signatures: [], derivationHash: ids.get(name)?.derivationHash }]),
  );
}

interface RunEnd {
  readonly result: BuildResult;
  /** Whether the connection can be used again. */
  readonly isGood: boolean;
}

async function runLogged(build: BuildElsewhere, taken: TakenBuild): Promise<RunEnd> {
  const { store, job, context, options, uri } = build;
  const printed = displayBytes(printStorePath(store.storeDir, job.path));
  using activity = options.reporter.startActivity({
    type: 'build',
    level: 'info',
    text: `building '${printed}' on '${uri}'`,
    fields: [printed, uri, 1, 1],
  });
  using log =
    store instanceof LocalStore && context.keepsLog
      ? new BuildLogWriter(store.logDir, job.path, { compress: context.compressesLog })
      : undefined;
  using output = new BuilderOutput(activity, context.logLines);
  const limit = new LogLimit(context.settings.limits.maxLogSize);
  const signal = AbortSignal.any([options.signal, limit.exceeded]);
  const write = (chunk: Uint8Array) => {
    limit.count(chunk);
    log?.write(chunk);
  };
  taken.passLogTo(chunk => {
    output.write(chunk);
    write(chunk);
  });
  const startTime = secondsNow();
  const times = (): BuildTimes => {
    return { timesBuilt: 1, startTime, stopTime: secondsNow(), cpuUser: undefined, cpuSystem: undefined };
  };
  try {
    const inputs = new Set((await computeClosure(store, job.derivation.inputSources, { signal })).keys());
    const settings = context.settings;
    const paths = await taken.run(
      { store, job, inputs, wanted: build.missing, settings, nesting: build.nesting },
      { signal, reporter: tapBuildLog(activity, write) },
    );
    const all = await registerRealisations(build, paths);
    await taken.finishLog();
    output.finish();
    await runHook(build, activity, all);
    return {
      result: { outcome: { status: 'Built', builtOutputs: describeOutputs(all, build.ids) }, ...times() },
      isGood: true,
    };
  } catch (error) {
    options.signal.throwIfAborted();
    if (limit.exceeded.aborted) {
      const what = `${magenta}building derivation '${printed}'${normal}`;
      const most = `${magenta}${context.settings.limits.maxLogSize}${normal}`;
      const message = `${what} killed after writing more than ${most} bytes of log output`;
      return { result: failed('LogLimitExceeded', message, times()), isGood: false };
    }
    if (!(error instanceof FirnError) || (error instanceof EngineError && error.code === 'build/hook-failed'))
      throw error;
    await taken.finishLog();
    output.finish();
    const lost = error instanceof StoreError ? error.code : undefined;
    if (lost === 'remote/unreachable' || lost === 'remote/disconnected') taken.noteLoss();
    if (lost === 'remote/unreachable') {
      // It was there for the last build. Nothing has begun.
      activity.log('error', `cannot build on '${uri}': ${messageOf(error)}`);
      throw new MachineUnreachable(uri, { cause: error });
    }
    if (error instanceof BuildError) return { result: buildFailed(error, times()), isGood: true };
    // Who ran a builder that failed has said what is wrong itself.
    const isTold = error instanceof BuilderFailedElsewhere;
    if (!isTold) activity.logError(error);
    const end = isTold ? error.end : 'failed with exit code 1';
    const tail = context.showsLogs ? [] : output.tail;
    const failure = { path: job.path, derivation: job.derivation, end, tail, notes: [] };
    const message = describeBuilderFailure(store.storeDir, failure, context);
    return { result: failed('MiscFailure', message, times()), isGood: error instanceof EngineError };
  } finally {
    taken.passLogTo(undefined);
    if (log?.problem !== undefined) activity.warn(`the log of '${printed}' is not whole: ${messageOf(log.problem)}`);
  }
}

/** What outputs have turned out to be, for whoever asks later. All of them, those that were valid before, too. */
async function registerRealisations(
  { store, job, context, options, ids }: BuildElsewhere,
  fetched: ReadonlyMap<OutputName, StorePath>,
): Promise<ReadonlyMap<OutputName, StorePath>> {
  const { signal } = options;
  const isImpure = derivationTypeOf(job.derivation) === 'impure';
  if (context.recordsRealisations && !isImpure) {
    for (const [name, path] of fetched) {
      const id = ids.get(name);
      if (id === undefined || (await store.realisation(id, { signal })) !== undefined) continue;
      await store.writer?.addRealisation({ id, path, signatures: [] }, { signal });
    }
  }
  const { paths, missing } = await knownPaths(store, job, { ids, signal });
  const all = new Map([...paths, ...fetched]);
  if (![...missing].every(name => fetched.has(name))) {
    throw new EngineError('machine/bad-answer', 'some outputs are unexpectedly invalid');
  }
  return all;
}

async function runHook(
  { store, job, context, options }: BuildElsewhere,
  reporter: Parameters<typeof runPostBuildHook>[0]['reporter'],
  outputs: ReadonlyMap<OutputName, StorePath>,
): Promise<void> {
  if (context.postBuildHook === '') return;
  await runPostBuildHook({
    program: context.postBuildHook,
    storeDir: store.storeDir,
    derivation: job.path,
    outputs: outputs.values(),
    variables: context.variables,
    config: context.config(),
    reporter,
    signal: options.signal,
  });
}

function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}

/** Ends a build whose log grows beyond all bounds. */
class LogLimit {
  readonly #limit: number;
  readonly #exceeded = new AbortController();
  #size = 0;

  /** In bytes; 0 for none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get exceeded(): AbortSignal {
    return this.#exceeded.signal;
  }

  count(chunk: Uint8Array): void {
    this.#size += chunk.byteLength;
    if (this.#limit > 0 && this.#size > this.#limit) this.#exceeded.abort(new Error('the log is too long'));
  }
}
