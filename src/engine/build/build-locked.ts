import { existsSync, renameSync } from 'node:fs';
import { type Activity, type ByteString, displayBytes, errnoOf, messageOf, systemErrorText } from '../../base/index.ts';
import { removeTreeAtEase } from '../../castore/index.ts';
import {
  type BuildMode,
  type BuildResult,
  type BuiltOutput,
  type OutputName,
  printStorePath,
} from '../../nix-compat/index.ts';
import { BuildLogWriter } from '../../store/index.ts';
import type { Outcome } from '../../exec/index.ts';
import { BuildError, EngineError } from '../error.ts';
import type { NestedStore } from '../nested/nested-store.ts';
import type { FinishedBuild } from '../outputs/finished-build.ts';
import { registerOutputs } from '../outputs/register-outputs.ts';
import { registerSubmitted } from '../outputs/register-submitted.ts';
import type { BuildContext, BuildRequest } from './build-context.ts';
import { BuildNest } from './build-nest.ts';
import { makeBuildEnvironment } from './build-environment.ts';
import { type BuildTimes, buildFailed, knownOutputs } from './build-results.ts';
import { BuildSite } from './build-site.ts';
import { makeBuilderFiles } from './builder-files.ts';
import { BuilderOutput } from './builder-output.ts';
import { leftOutputs } from './left-outputs.ts';
import { runDiffHook } from './diff-hook.ts';
import { findExternalBuilder } from './external-builder.ts';
import { runPostBuildHook } from './post-build-hook.ts';
import { requireSuccess } from './require-success.ts';
import { runBuilder } from './run-builder.ts';
import { type ScratchOutputs, chooseScratchOutputs, rewriteText } from './scratch-outputs.ts';

/**
 * Builds a derivation whose outputs are locked. Throws `BuildError` for what is wrong before the builder runs, what is
 * wrong with us, and the signal's reason. Nothing is left, once `leftovers` are disposed of, but valid outputs, the log and,
 * where that is asked for, what a failure is explained by.
 */
export async function buildLocked(context: BuildContext, request: BuildRequest): Promise<BuildResult> {
  const { store } = context;
  const { job, options, states, inputs, signal } = request;
  const { variables, files } = await makeBuilderFiles(store, { derivation: job.derivation, options, inputs });
  const { leftovers } = request;
  const site = leftovers.use(await BuildSite.open(context, request));
  const { storeDir } = store;
  const scratch = chooseScratchOutputs(job, states, { storeDir, hidesOutputs: site.kind === 'sandbox' });
  await store.temporaryRoots.add(scratch.paths.values(), signal);
  await removeScratch(context, scratch);
  let keepsScratch = false;
  leftovers.defer(async () => {
    if (!keepsScratch) await removeScratch(context, scratch);
  });
  for (const [name, contents] of files) site.folder.writeFile(name, rewriteText(contents, scratch.rewrites));
  const environment = makeBuildEnvironment({
    derivation: job.derivation,
    options,
    variables,
    rewrites: scratch.rewrites,
    storeDir,
    folder: site.folderInside,
    settings: context.settings,
    ownVariables: context.variables,
  });
  const result = await runAndRegister({ context, request, site, scratch }, environment);
  if (!('builtOutputs' in result.outcome)) keepsScratch = keepFailed({ context, request, site, scratch });
  return result;
}

interface Build {
  readonly context: BuildContext;
  readonly request: BuildRequest;
  readonly site: BuildSite;
  readonly scratch: ScratchOutputs;
}

const titles: { readonly [Mode in BuildMode]: string } = {
  normal: 'building',
  check: 'checking outputs of',
  repair: 'repairing outputs of',
};

async function runAndRegister(build: Build, environment: ReadonlyMap<ByteString, ByteString>): Promise<BuildResult> {
  const { context, request, site, scratch } = build;
  const { settings } = context;
  // Whoever is not in a sandbox may ask the store.
  if (site.kind !== 'sandbox' || settings.preBuildHook !== '') await context.store.earlyCommits.settle();
  const place = await site.place();
  using log = settings.keepsLog ? openLog(build) : undefined;
  const printed = printedOf(build);
  using activity = request.reporter.startActivity({
    type: 'build',
    level: 'info',
    text: `${titles[request.job.mode]} '${printed}'`,
    fields: [printed, '', 1, 1],
  });
  using output = new BuilderOutput(activity, settings.logLines);
  const startTime = secondsNow();
  await using nest = await BuildNest.open(context, request, { site, reporter: activity });
  const outcome = await runBuilder(context, {
    request,
    environment: nest === undefined ? environment : new Map([...environment, ...nest.variables]),
    rewrites: scratch.rewrites,
    scratch: scratch.paths,
    external: site.kind === 'external' ? findExternalBuilder(request.job.derivation, settings) : undefined,
    folder: site.folderInside,
    realFolder: site.folder.path,
    top: site.folder.top,
    place,
    outputs: outputPlaces(build),
    reporter: activity,
    output: chunk => {
      output.write(chunk);
      log?.write(chunk);
    },
  });
  // What its clients had begun is called off, and nothing is added any more.
  await nest?.[Symbol.asyncDispose]();
  output.finish();
  log?.[Symbol.dispose]();
  if (log?.problem !== undefined) activity.warn(`the log of '${printed}' is not whole: ${messageOf(log.problem)}`);
  const times: BuildTimes = { timesBuilt: 1, startTime, stopTime: secondsNow(), ...(site.usage ?? usageOf(outcome)) };
  try {
    requireSuccess({ context, job: request.job, outcome, tail: output.tail, folder: site.folder.path });
    const builtOutputs = await register(build, { nest: nest?.store, activity });
    await afterBuild(build, activity, builtOutputs);
    return { outcome: { status: 'Built', builtOutputs }, ...times };
  } catch (error) {
    if (error instanceof BuildError) return buildFailed(error, times);
    if (errnoOf(error) === undefined) throw error;
    // A full disk, as a rule, of which the system says neither where nor whose file it was.
    const message = `cannot register the outputs of '${printed}': ${systemErrorText(error)}`;
    throw new EngineError('build/not-registered', message, { cause: error });
  }
}

function printedOf({ context, request }: Build): string {
  return displayBytes(printStorePath(context.store.storeDir, request.job.path));
}

function openLog({ context, request }: Build): BuildLogWriter {
  return new BuildLogWriter(context.store.logDir, request.job.path, { compress: context.settings.compressesLog });
}

function outputPlaces({ site, scratch }: Build): ReadonlyMap<OutputName, string> {
  return new Map(Array.from(scratch.paths, ([name, path]) => [name, site.outputPlace(path)] as const));
}

function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}

function usageOf(outcome: Outcome): Pick<BuildTimes, 'cpuUser' | 'cpuSystem'> {
  if (outcome.kind === 'not-executable') return { cpuUser: undefined, cpuSystem: undefined };
  return { cpuUser: outcome.cpuUser, cpuSystem: outcome.cpuSystem };
}

/** Makes the outputs valid, or compares them with those that are. Throws as `registerOutputs`. */
async function register(
  build: Build,
  { nest, activity }: { readonly nest: NestedStore | undefined; readonly activity: Activity },
): Promise<ReadonlyMap<OutputName, BuiltOutput>> {
  const { context, request, site, scratch } = build;
  const { store, settings } = context;
  const { job, options, states, inputs, signal } = request;
  const { user } = site;
  const { diffHook, recordsRealisations: realisations } = settings;
  const finished: FinishedBuild = {
    path: job.path,
    derivation: job.derivation,
    options,
    mode: job.mode,
    inputs: nest === undefined ? inputs : inputs.union(nest.added),
    outputs: leftOutputs(states, scratch, path => site.outputPlace(path)),
  };
  if (nest?.mode === 'submit') {
    return registerSubmitted(store, finished, { submitted: nest.submitted, realisations });
  }
  const built = await registerOutputs(store, finished, {
    signal,
    realisations,
    // A hook may ask the store, too.
    early: request.settles === undefined || settings.postBuildHook !== '' ? undefined : keepUntil(request),
    ...(user === undefined ? {} : { users: { first: user.user, last: user.user + site.idCount - 1 } }),
    ...(diffHook === undefined && !settings.keepsFailed
      ? {}
      : {
          differs: async ({ valid, built: now }) => {
            if (diffHook === undefined) return;
            const args = [valid, now, printedOf(build), site.folder.path] as const;
            await runDiffHook({ program: diffHook, args, user, reporter: activity, signal });
          },
        }),
  });
  return job.mode === 'check' ? knownOutputs(states) : built;
}

/** What is left of the build stays until its outputs are settled. */
function keepUntil({ leftovers }: BuildRequest): (settled: Promise<void>) => void {
  return settled => leftovers.defer(() => settled);
}

/** Throws as `runHook`. */
async function afterBuild(
  { context, request }: Build,
  reporter: Activity,
  outputs: ReadonlyMap<OutputName, BuiltOutput>,
): Promise<void> {
  const program = context.settings.postBuildHook;
  if (program === '') return;
  await runPostBuildHook({
    program,
    storeDir: context.store.storeDir,
    derivation: request.job.path,
    outputs: Array.from(outputs.values(), ({ path }) => path),
    variables: context.variables,
    config: context.config(),
    reporter,
    signal: request.signal,
  });
}

/**
 * For whoever wants to know why a build failed; not of our own builders, whose folders may have passwords. Whether what is
 * at the outputs' paths stays, too.
 */
function keepFailed({ context, request, site, scratch }: Build): boolean {
  if (!context.settings.keepsFailed || site.kind === 'here') return false;
  site.folder.keep(request.reporter);
  if (request.job.mode !== 'normal') return false;
  if (site.kind === 'host') return true;
  for (const [name, { path, validity }] of request.states) {
    const made = scratch.paths.get(name);
    if (path === undefined || made === undefined || validity === 'valid') continue;
    const place = site.outputPlace(made);
    if (existsSync(place)) renameSync(place, context.store.realPath(path));
  }
  return true;
}

/** What is at the paths that a builder had, unless it is valid. */
async function removeScratch({ store }: BuildContext, scratch: ScratchOutputs): Promise<void> {
  for (const path of scratch.paths.values()) {
    if ((await store.pathInfo(path)) === undefined) await removeTreeAtEase(store.realPath(path));
  }
}
