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
import type { OutputName } from '../../nix-compat/index.ts';
import type { Action, Outcome, Place } from '../../exec/index.ts';
import { runBuiltinBuilder } from '../builtin-builders/run-builtin-builder.ts';
import { StoreView } from '../builtin-builders/store-view.ts';
import type { BuildContext, BuildRequest } from './build-context.ts';
import { type ScratchOutputs, rewriteText } from './scratch-outputs.ts';

/** A builder and all that it gets. */
export interface PreparedBuild {
  readonly request: BuildRequest;
  readonly environment: Action['environment'];
  readonly rewrites: ScratchOutputs['rewrites'];
  /** The build's folder, for the builder and on this machine's disk. */
  readonly folder: string;
  readonly realFolder: string;
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
  const { derivation } = prepared.request.job;
  const builder = displayBytes(derivation.builder);
  const { settings, executor } = context;
  const { reporter, request, output, rewrites } = prepared;
  reporter.log('chatty', `executing builder '${magenta}${builder}${normal}'`);
  reporter.log(
    'chatty',
    () => `using builder args '${magenta}${derivation.args.map(displayBytes).join(' ')}${normal}'`,
  );
  const outcome = await executor.run(
    {
      program: derivation.builder,
      argv: [
        byteStringFromText(basename(builder)),
        ...derivation.args.map(argument => rewriteText(argument, rewrites)),
      ],
      environment: prepared.environment,
      workingFolder: byteStringFromText(prepared.folder),
      place,
      limits: {
        time: settings.timeout > 0 ? settings.timeout * 1000 : undefined,
        silence: settings.maxSilentTime > 0 ? settings.maxSilentTime * 1000 : undefined,
        output: settings.maxLogSize > 0 ? settings.maxLogSize : undefined,
      },
      output: 'terminal',
      // As in C++ Nix, who has nothing more to say has nothing more to do.
      endsWithOutput: true,
    },
    { signal: request.signal, output },
  );
  if (outcome.kind === 'not-executable') {
    const what = `'${magenta}${builder}${normal}': ${magenta}${outcome.reason}${normal}`;
    output(Buffer.from(`${red}error:${normal} executing ${what}`));
  }
  return outcome;
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
