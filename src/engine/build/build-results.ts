import { byteStringFromText } from '../../base/index.ts';
import type {
  BuildFailureStatus,
  BuildResult,
  BuildSuccessStatus,
  BuiltOutput,
  OutputName,
  StorePath,
} from '../../nix-compat/index.ts';
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

/** Of what did not have to be built here. */
export function succeeded(
  status: BuildSuccessStatus,
  builtOutputs: ReadonlyMap<OutputName, BuiltOutput> = new Map(),
): BuildResult {
  return { outcome: { status, builtOutputs }, ...notBuilt };
}

/** `message` may have colours. */
export function failed(status: BuildFailureStatus, message: string, times: BuildTimes = notBuilt): BuildResult {
  const nonDeterministic = status === 'NotDeterministic';
  return { outcome: { status, message: byteStringFromText(message), nonDeterministic }, ...times };
}

/** An output whose path follows from its derivation, so that nobody needs a realisation of it. */
export function knownOutput(path: StorePath): BuiltOutput {
  return { path, signatures: [], derivationHash: undefined };
}

export function alreadyValid(states: OutputStates): BuildResult {
  return succeeded('AlreadyValid', knownOutputs(states));
}

export function buildFailed({ status, message }: BuildError, times?: BuildTimes): BuildResult {
  return failed(status, message, times);
}

/** Those whose paths are known. */
export function knownOutputs(states: OutputStates): ReadonlyMap<OutputName, BuiltOutput> {
  const outputs = new Map<OutputName, BuiltOutput>();
  for (const [name, { id, path }] of [...states].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (path !== undefined) outputs.set(name, { path, signatures: [], derivationHash: id.derivationHash });
  }
  return outputs;
}
