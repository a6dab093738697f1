import { type ByteString, displayBytes, magenta, normal } from '../../base/index.ts';
import { derivationTypeOf, isSandboxed, printStorePath } from '../../nix-compat/index.ts';
import type { Outcome } from '../../exec/index.ts';
import { BuildError } from '../error.ts';
import type { BuildContext } from './build-context.ts';
import { describeBuilderFailure, isDiskFull } from './builder-failure.ts';
import type { BuildJob } from './derivation-builder.ts';
import { exitText } from './exit-text.ts';

/** A builder that has ended. */
export interface EndedBuilder {
  readonly context: BuildContext;
  readonly job: BuildJob;
  readonly outcome: Outcome;
  /** The last lines of its log. */
  readonly tail: readonly ByteString[];
  /** The build's folder on this machine's disk. */
  readonly folder: string;
}

/** Throws `BuildError` unless the builder ended well. */
export function requireSuccess(ended: EndedBuilder): void {
  const { context, outcome, folder } = ended;
  const { settings, store } = context;
  if (outcome.kind === 'limit-reached') throw limitReached(ended, outcome.limit);
  if (outcome.kind === 'exited' && outcome.status === 0) return;
  const end = outcome.kind === 'not-executable' ? 'failed with exit code 1' : exitText(outcome);
  const { path, derivation } = ended.job;
  const diskFull = isDiskFull([store.realStoreDir, folder]);
  const notes: string[] = [];
  if (diskFull) notes.push('note: build failure may have been caused by lack of free disk space');
  if (outcome.kind === 'not-executable') notes.push(...explainMissingBuilder(ended));
  const shown = context.showsLogs ? [] : ended.tail;
  const message = describeBuilderFailure(store.storeDir, { path, derivation, end, tail: shown, notes }, settings);
  const isTransient = diskFull || !isSandboxed(derivationTypeOf(derivation));
  throw new BuildError(isTransient ? 'TransientFailure' : 'PermanentFailure', message);
}

function limitReached({ context, job }: EndedBuilder, limit: 'time' | 'silence' | 'output'): BuildError {
  const { maxLogSize, timeout, maxSilentTime } = context.settings;
  if (limit === 'output') {
    const what = `${magenta}building derivation '${displayBytes(printStorePath(context.store.storeDir, job.path))}'${normal}`;
    const message = `${what} killed after writing more than ${magenta}${maxLogSize}${normal} bytes of log output`;
    return new BuildError('LogLimitExceeded', message);
  }
  const seconds = limit === 'time' ? timeout : maxSilentTime;
  return new BuildError('TimedOut', `timed out after ${magenta}${seconds}${normal} seconds`);
}

/** Inputs that a message names at most. */
const shownInputs = 20;

/** What there is in place of a program that is not: derivations often lack it among their inputs. */
function explainMissingBuilder({ context, job }: EndedBuilder): string[] {
  const { store } = context;
  const inputs = [...job.derivation.inputSources].toSorted();
  if (job.derivation.builder === '/bin/sh') {
    const how = "install busybox (Debian: busybox-static), or set 'sandbox-paths' to '/bin/sh=/path/of/a/static/shell'";
    return [`note: this machine has no shell to be '/bin/sh' in sandboxes: ${how}`];
  }
  if (inputs.length === 0) return [`note: the derivation has no inputs that could have the program`];
  const listed = inputs.slice(0, shownInputs).map(path => `  ${displayBytes(printStorePath(store.storeDir, path))}`);
  const rest = inputs.length - listed.length;
  return ['note: the inputs of the derivation are:', ...listed, ...(rest > 0 ? [`  and ${rest} more`] : [])];
}
