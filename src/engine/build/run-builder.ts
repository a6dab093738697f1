import { basename } from 'node:path';
import {
  type Reporter,
  byteStringFromText,
  bytesOf,
  displayBytes,
  magenta,
  messageOf,
  normal,
  red,
} from '../../base/index.ts';
import { type ExternalBuilder, type OutputName, printStorePath } from '../../nix-compat/index.ts';
import { type Action, ExecError, type Outcome, type Place, type RunOptions } from '../../exec/index.ts';
import { runBuiltinBuilder } from '../builtin-builders/run-builtin-builder.ts';
import { StoreView } from '../builtin-builders/store-view.ts';
import { BuildError, EngineError } from '../error.ts';
import type { BuildContext, BuildRequest } from './build-context.ts';
import { builderAsAction } from './builder-as-action.ts';
import { exitText } from './exit-text.ts';
import { ReadinessFilter, writeBuildDescription } from './external-builder.ts';
import { type ScratchOutputs, rewriteText } from './scratch-outputs.ts';

/** A builder and all that it gets. */
export interface PreparedBuild {
  readonly request: BuildRequest;
  readonly environment: Action['environment'];
  readonly rewrites: ScratchOutputs['rewrites'];
  /** By which names the builder knows the outputs. */
  readonly scratch: ScratchOutputs['paths'];
  /** Another program that runs the builder. */
  readonly external: ExternalBuilder | undefined;
  /** The build's folder, for the builder and on this machine's disk. */
  readonly folder: string;
  readonly realFolder: string;
  /** What that is in. */
  readonly top: string;
  /** `here`: in this process. */
  readonly place: Place | { readonly kind: 'here' };
  /** Where the outputs are to be on this machine's disk. */
  readonly outputs: ReadonlyMap<OutputName, string>;
  readonly reporter: Reporter;
  /** Gets what the builder writes; a chunk is lent until the call returns. */
  readonly output: (chunk: Uint8Array) => void;
}

/** Runs a builder to its end. Throws `ExecError`, and the signal's reason. */
export async function runBuilder(context: BuildContext, prepared: PreparedBuild): Promise<Outcome> {
  const { place } = prepared;
  if (place.kind === 'here') return runBuiltin(context, prepared);
  return prepared.external === undefined
    ? runProgram(context, prepared, place)
    : runExternally(context, prepared, { place, external: prepared.external });
}

type Command = Pick<Action, 'program' | 'argv' | 'environment' | 'workingFolder' | 'place'>;

async function execute(
  { executor, settings }: BuildContext,
  command: Command,
  { signal, output }: RunOptions,
): Promise<Outcome> {
  const { timeout, maxSilentTime, maxLogSize } = settings;
  const limits = {
    time: timeout > 0 ? timeout * 1000 : undefined,
    silence: maxSilentTime > 0 ? maxSilentTime * 1000 : undefined,
    output: maxLogSize > 0 ? maxLogSize : undefined,
  };
  // As in C++ Nix, who has nothing more to say has nothing more to do.
  try {
    return await executor.run({ ...command, limits, output: 'terminal', endsWithOutput: true }, { signal, output });
  } catch (error) {
    if (!(error instanceof ExecError && error.code === 'exec/keeps-groups')) throw error;
    const wayOut = 'Set the require-drop-supplementary-groups option to false to skip this step.';
    throw new EngineError('build/keeps-groups', `setgroups failed. ${wayOut}`, { cause: error });
  }
}

async function runProgram(context: BuildContext, prepared: PreparedBuild, place: Place): Promise<Outcome> {
  const { reporter, request, output, rewrites, environment, folder } = prepared;
  const { builder: program, args } = request.job.derivation;
  const shown = displayBytes(program);
  reporter.log('chatty', `executing builder '${magenta}${shown}${normal}'`);
  reporter.log('chatty', () => `using builder args '${magenta}${args.map(displayBytes).join(' ')}${normal}'`);
  const argv = [byteStringFromText(basename(shown)), ...args.map(argument => rewriteText(argument, rewrites))] as const;
  const workingFolder = byteStringFromText(folder);
  const asAction = place.kind === 'sandbox' ? builderAsAction(context, prepared, place) : undefined;
  const outcome =
    asAction === undefined
      ? await execute(context, { program, argv, environment, workingFolder, place }, { ...request, output })
      : await asAction.actions.run({ ...asAction, program, argv, environment });
  if (outcome.kind === 'not-executable') {
    const what = `'${magenta}${shown}${normal}': ${magenta}${outcome.reason}${normal}`;
    output(Buffer.from(`${red}error:${normal} executing ${what}`));
  }
  return outcome;
}

/** Throws `BuildError` if the program does not get so far as to run the builder. */
async function runExternally(
  context: BuildContext,
  prepared: PreparedBuild,
  { place, external }: { readonly place: Place; readonly external: ExternalBuilder },
): Promise<Outcome> {
  const { request, top, realFolder } = prepared;
  const description = writeBuildDescription(context, prepared, top);
  const program = byteStringFromText(external.program);
  const environment = new Map(
    Object.entries(context.variables).map(
      ([name, value]) => [byteStringFromText(name), byteStringFromText(value ?? '')] as const,
    ),
  );
  const argv = [program, ...external.args.map(byteStringFromText), byteStringFromText(description)] as const;
  const workingFolder = byteStringFromText(realFolder);
  const filter = new ReadinessFilter(prepared.output);
  const output = (chunk: Uint8Array) => filter.write(chunk);
  const outcome = await execute(context, { program, argv, environment, workingFolder, place }, { ...request, output });
  if (filter.isReady || outcome.kind === 'limit-reached') return outcome;
  const printed = displayBytes(printStorePath(context.store.storeDir, request.job.path));
  const end = outcome.kind === 'not-executable' ? outcome.reason : exitText(outcome);
  const said = filter.messages.join('|');
  const message = `the program '${external.program}' ended while the build environment for '${printed}' was initialized (${end}, previous messages: ${said})`;
  throw new BuildError('MiscFailure', message);
}

/** As if it were a process: its error is the last line of the log. */
async function runBuiltin({ store, builtins }: BuildContext, prepared: PreparedBuild): Promise<Outcome> {
  const { request, outputs, reporter } = prepared;
  const { signal } = request;
  try {
    await runBuiltinBuilder({
      derivation: request.job.derivation,
      outputs,
      view: new StoreView(store.storeDir, store.realStoreDir),
      temporaryFolder: prepared.realFolder,
      services: builtins,
      reporter,
      signal,
    });
    return { kind: 'exited', status: 0 };
  } catch (error) {
    signal.throwIfAborted();
    prepared.output(bytesOf(byteStringFromText(`${red}error:${normal} ${messageOf(error)}\n`)));
    return { kind: 'exited', status: 1 };
  }
}
