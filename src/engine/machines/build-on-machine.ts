import { type Reporter, displayBytes } from '../../base/index.ts';
import {
  type BuildResult,
  type OutputName,
  type StorePath,
  derivationTypeOf,
  hasContentAddressedOutputs,
  isBuildSuccess,
  outputPath,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type BuildLimits, type Store, copyPaths } from '../../store/index.ts';
import type { BuildJob, BuildSlot } from '../build/derivation-builder.ts';
import { EngineError } from '../error.ts';
import type { NestedRealising } from '../nested/nested-store.ts';
import type { RunningBuild } from '../nested/running-build.ts';
import type { LeasedConnection, MachineLease } from './machine-pool.ts';

/** What a builder needs that asks for further builds. */
export interface Nesting {
  /** Who makes valid what it wants; nobody does unless given. */
  readonly realising: NestedRealising | undefined;
  readonly build: RunningBuild;
  /** What others may need for what it waits for. */
  readonly slot: BuildSlot;
}

/** A build that a machine is to do. */
export interface MachineBuild {
  /** Which has the inputs, and is to have the outputs. */
  readonly store: Store;
  readonly job: BuildJob;
  /** The closure of the inputs. */
  readonly inputs: ReadonlySet<StorePath>;
  /** Outputs that are to be brought back. */
  readonly wanted: ReadonlySet<OutputName>;
  readonly settings: MachineSettings;
  readonly nesting: Nesting;
}

/** Of the settings, how machines are used. */
export interface MachineSettings {
  /** Whether they get inputs from their own substituters where these have them. */
  readonly substitutes: boolean;
  readonly limits: BuildLimits;
  /** What this machine could build itself, with other settings. */
  readonly systems: ReadonlySet<string>;
}

export interface MachineBuildProgress {
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}

/**
 * Sends the inputs of a derivation to a machine, has it built there, and brings the outputs that are wanted back: where they
 * are. Throws `machine/build-failed` where the machine says that the build has, as `ActionConnection.build`, what is wrong with the stores and the
 * connection, and the signal's reason.
 */
export async function buildOnMachine(
  lease: MachineLease,
  { connection }: Pick<LeasedConnection, 'connection'>,
  { build, progress }: { readonly build: MachineBuild; readonly progress: MachineBuildProgress },
): Promise<ReadonlyMap<OutputName, StorePath>> {
  if (connection.kind === 'actions') {
    // The machine's slot is what others may need.
    const nesting = { ...build.nesting, slot: lease };
    return connection.build({ ...build, nesting }, progress);
  }
  const { store, job } = build;
  const { signal, reporter } = progress;
  await sendInputs(lease, connection.store, { build, progress });
  const options = { signal, reporter };
  // Who does not trust us has to find out from the derivations themselves what outputs are.
  const takesOurWord = connection.trustsUs || hasContentAddressedOutputs(derivationTypeOf(job.derivation));
  let result: BuildResult;
  if (takesOurWord) {
    const { path, derivation, mode } = job;
    result = await connection.build({ path, derivation, mode, limits: build.settings.limits }, options);
  } else {
    await copyPaths(store, connection.store, [job.path], {
      closure: true,
      checkSignatures: false,
      substitute: build.settings.substitutes,
      signal,
      reporter,
    });
    result = await connection.realise(job.path, options);
  }
  if (!isBuildSuccess(result.outcome))
    throw buildFailed(lease, build, { reporter, message: displayBytes(result.outcome.message) });
  const { builtOutputs } = result.outcome;
  const { name } = job.derivation;
  const paths = new Map<OutputName, StorePath>();
  for (const [output, kind] of job.derivation.outputs) {
    if (!build.wanted.has(output)) continue;
    const path = outputPath(kind, output, { name, storeDir: store.storeDir }) ?? builtOutputs.get(output)?.path;
    if (path === undefined) {
      const message = `'${lease.uri}' has not told what the output '${displayBytes(output)}' of '${printedOf(build)}' is`;
      throw new EngineError('machine/bad-answer', message);
    }
    paths.set(output, path);
  }
  await fetchOutputs(lease, connection.store, { build, progress, paths: [...paths.values()] });
  return paths;
}

interface Transfer {
  readonly build: MachineBuild;
  readonly progress: MachineBuildProgress;
}

async function sendInputs(lease: MachineLease, to: Store, { build, progress }: Transfer): Promise<void> {
  const { store, inputs, settings } = build;
  const { signal, reporter } = progress;
  await lease.uploads.upload(inputs, {
    signal,
    reporter,
    send: async paths => {
      using copying = reporter.startActivity({
        type: 'unknown',
        level: 'talkative',
        text: `copying dependencies to '${lease.uri}'`,
      });
      await copyPaths(store, to, paths, {
        checkSignatures: false,
        substitute: settings.substitutes,
        signal,
        reporter: copying,
      });
    },
  });
}

async function fetchOutputs(
  { uri }: MachineLease,
  from: Store,
  { build, progress, paths }: Transfer & { readonly paths: readonly StorePath[] },
): Promise<void> {
  const { store } = build;
  const { signal, reporter } = progress;
  const valid = await store.validPaths(paths, { signal });
  const missing = new Set(paths).difference(valid);
  if (missing.size === 0) return;
  using copying = reporter.startActivity({
    type: 'unknown',
    level: 'talkative',
    text: `copying outputs from '${uri}'`,
  });
  // Whoever builds has them locked.
  const options = { checkSignatures: false, held: missing, signal, reporter: copying };
  await copyPaths(from, store, missing, options);
}

function buildFailed(
  { uri }: MachineLease,
  build: MachineBuild,
  { reporter, message }: { readonly reporter: Reporter; readonly message: string },
): EngineError {
  const { settings, job } = build;
  if (settings.limits.keepsFailed) {
    const hint = settings.systems.has(displayBytes(job.derivation.platform))
      ? " You can re-run the command with `--builders ''` to disable remote building for this invocation."
      : '';
    reporter.warn(`The failed build directory was kept on the remote builder due to \`--keep-failed\`.${hint}`);
  }
  return new EngineError('machine/build-failed', `build of '${printedOf(build)}' on '${uri}' failed: ${message}`);
}

function printedOf({ store, job }: Pick<MachineBuild, 'store' | 'job'>): string {
  return displayBytes(printStorePath(store.storeDir, job.path));
}
