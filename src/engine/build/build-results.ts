import { byteStringFromText } from '../../base/index.ts';
import type { BuildFailure, BuildResult, BuiltOutput, OutputName } from '../../nix-compat/index.ts';
import type { BuildError } from '../error.ts';
import type { OutputStates } from './output-states.ts';

/** When a builder ran, and what it took. Times in seconds since 1970, the others in microseconds. */
export interface BuildTimes {
  readonly timesBuilt: number;
  readonly startTime: number;
  readonly stopTime: number;
  readonly cpuUser: bigint | undefined;
  readonly cpuSystem: bigint | undefined;
}

const notBuilt: BuildTimes = { timesBuilt: 0, startTime: 0, stopTime: 0, cpuUser: undefined, cpuSystem: undefined };

export function alreadyValid(states: OutputStates): BuildResult {
  return { outcome: { status: 'AlreadyValid', builtOutputs: knownOutputs(states) }, ...notBuilt };
}

export function buildFailed(error: BuildError, times: BuildTimes = notBuilt): BuildResult {
  const outcome: BuildFailure = {
    status: error.status,
    message: byteStringFromText(error.message),
    nonDeterministic: error.status === 'NotDeterministic',
  };
  return { outcome, ...times };
}

/** Those whose paths are known. */
export function knownOutputs(states: OutputStates): ReadonlyMap<OutputName, BuiltOutput> {
  const outputs = new Map<OutputName, BuiltOutput>();
  for (const [name, { id, path }] of [...states].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (path !== undefined) outputs.set(name, { path, signatures: [], derivationHash: id.derivationHash });
  }
  return outputs;
}
