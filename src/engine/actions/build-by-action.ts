import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ByteString, type Reporter, byteStringFromText, displayBytes, magenta, normal } from '../../base/index.ts';
import type { DerivationOptions, OutputName, StorePath } from '../../nix-compat/index.ts';
import type { LocalStore } from '../../store/index.ts';
import { actionFiles } from '../build/action-obstacle.ts';
import { makeBuildEnvironment } from '../build/build-environment.ts';
import { BuildFolder } from '../build/build-folder.ts';
import type { BuildSettings } from '../build/build-settings.ts';
import { makeBuilderFiles } from '../build/builder-files.ts';
import type { BuilderProcess, DerivationActions } from '../build/derivation-actions.ts';
import type { BuildJob } from '../build/derivation-builder.ts';
import { exitText } from '../build/exit-text.ts';
import { leftOutputs } from '../build/left-outputs.ts';
import { inspectOutputs, outputIdsOf } from '../build/output-states.ts';
import { readOptions } from '../build/read-options.ts';
import { chooseScratchOutputs, rewriteText } from '../build/scratch-outputs.ts';
import { BuildError } from '../error.ts';
import { BuilderFailedElsewhere } from '../machines/build-taker.ts';
import type { Nesting } from '../machines/build-on-machine.ts';
import { nestedModeOf, requireNested, requireServed } from '../nested/nested-mode.ts';
import { type NestedServer, NestedStore } from '../nested/nested-store.ts';
import { registerOutputs } from '../outputs/register-outputs.ts';
import { registerSubmitted } from '../outputs/register-submitted.ts';

/** What all builds by the actions of one server share. */
export interface ActionBuildContext {
  /** Where the outputs become valid. */
  readonly store: LocalStore;
  readonly actions: DerivationActions;
  readonly settings: BuildSettings;
  /** How builders reach the store that may. */
  readonly nestedServer: NestedServer;
}

export interface ActionBuild {
  readonly job: BuildJob;
  /** The closure of the inputs. */
  readonly inputs: ReadonlySet<StorePath>;
  readonly nesting: Nesting;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  /** Gets what the builder writes; a chunk is lent until the call returns. */
  readonly output: (chunk: Uint8Array) => void;
}

/**
 * Has a derivation's builder run as an action, and makes what it leaves valid here: where the outputs are. The caller holds the
 * locks of the outputs. Throws `BuilderFailedElsewhere`, `BuildError`, and as `DerivationActions.run`.
 */
export async function buildByAction(
  context: ActionBuildContext,
  build: ActionBuild,
): Promise<ReadonlyMap<OutputName, StorePath>> {
  const { store, actions, settings } = context;
  const { job, inputs, signal, reporter, output } = build;
  const { derivation } = job;
  const { storeDir } = store;
  const options = readOptions(store, job);
  const shown = actionFiles(store, settings);
  if (shown === undefined) {
    const message = `an action can be shown files that are in no store, as '/bin/sh=/bin/busybox', and 'sandbox-paths' has others`;
    throw new BuildError('InputRejected', message);
  }
  const states = await inspectOutputs(store, job, { ids: outputIdsOf(store, job), reporter });
  const scratch = chooseScratchOutputs(job, states, { storeDir, hidesOutputs: true });
  await store.temporaryRoots.add(scratch.paths.values(), signal);
  await using folder = new BuildFolder({ parent: join(store.dataFolder, 'builds'), nested: true, owner: undefined });
  const { variables, files } = await makeBuilderFiles(store, { derivation, options, inputs });
  for (const [name, contents] of files) folder.writeFile(name, rewriteText(contents, scratch.rewrites));
  const left = join(folder.top, 'outputs');
  mkdirSync(left);
  const outputs = leftOutputs(states, scratch, path => join(left, path));
  const environment = makeBuildEnvironment({
    derivation,
    options,
    variables,
    rewrites: scratch.rewrites,
    storeDir,
    folder: settings.sandboxBuildDir,
    settings,
    ownVariables: {},
  });
  const nest = nestOf(context, build, options);
  const rewrite = (text: ByteString) => rewriteText(text, scratch.rewrites);
  const program = derivation.builder;
  const outcome = await actions.run({
    program,
    argv: [byteStringFromText(basename(displayBytes(program))), ...derivation.args.map(rewrite)],
    environment,
    inputs,
    folder: folder.path,
    folderInside: settings.sandboxBuildDir,
    files: shown,
    outputs: new Map(Array.from(outputs.values(), ({ scratch: path, at }) => [path, at])),
    owner: undefined,
    nest: nest?.open,
    timeout: settings.timeout > 0 ? settings.timeout * 1000 : undefined,
    signal,
    output,
  });
  if (outcome.kind === 'limit-reached') {
    throw new BuildError('TimedOut', `timed out after ${magenta}${settings.timeout}${normal} seconds`);
  }
  if (outcome.kind === 'not-executable') throw new BuilderFailedElsewhere('failed with exit code 1');
  if (outcome.kind === 'killed' || outcome.status !== 0) throw new BuilderFailedElsewhere(exitText(outcome));
  const known = inputs.union(nest?.store?.added ?? new Set<StorePath>());
  const finished = { path: job.path, derivation, options, mode: job.mode, inputs: known, outputs };
  const { recordsRealisations: realisations } = settings;
  const built =
    nest?.store?.mode === 'submit'
      ? registerSubmitted(store, finished, { submitted: nest.store.submitted, realisations })
      : await registerOutputs(store, finished, { signal, realisations });
  return new Map(Array.from(built, ([name, { path }]) => [name, path]));
}

/** What a builder has that may use Nix: its store, once it is about to run. */
interface Nest {
  store: NestedStore | undefined;
  readonly open: NonNullable<BuilderProcess['nest']>;
}

/** Undefined for builders that have no use for it. Throws `BuildError` where it cannot be had. */
function nestOf(
  { store, settings, nestedServer }: ActionBuildContext,
  { job, inputs, nesting }: ActionBuild,
  options: DerivationOptions<StorePath>,
): Nest | undefined {
  const mode = nestedModeOf(options);
  if (mode === undefined) return undefined;
  requireNested(store, job, { mode, settings });
  const { build, slot } = nesting;
  const { server, realising } = requireServed(store, job, { server: nestedServer, realising: nesting.realising });
  const nest: Nest = {
    store: undefined,
    open: site => {
      const nested = new NestedStore({
        store,
        mode,
        build,
        slot: {
          yieldWhile: async wait => {
            site.waits(true);
            try {
              await slot.yieldWhile(wait);
            } finally {
              site.waits(false);
            }
          },
        },
        realising,
        outputs: job.derivation.outputs.keys(),
        inputs,
        show: paths => site.show(paths),
      });
      nest.store = nested;
      return (channel, stop) => server.serve(channel, nested, stop);
    },
  };
  return nest;
}
