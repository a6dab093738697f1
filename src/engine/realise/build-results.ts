import { byteStringFromText } from '../../base/index.ts';
import type {
  BuildFailureStatus,
  BuildResult,
  BuildSuccessStatus,
  BuiltOutput,
  OutputName,
  StorePath,
} from '../../nix-compat/index.ts';

const notBuilt = { timesBuilt: 0, startTime: 0, stopTime: 0, cpuUser: undefined, cpuSystem: undefined } as const;

/** Of what did not have to be built here. */
export function succeeded(
  status: BuildSuccessStatus,
  builtOutputs: ReadonlyMap<OutputName, BuiltOutput> = new Map(),
): BuildResult {
  return { outcome: { status, builtOutputs }, ...notBuilt };
}

/** Of what was not built. `message` may have colours. */
export function failed(status: BuildFailureStatus, message: string): BuildResult {
  return { outcome: { status, message: byteStringFromText(message), nonDeterministic: false }, ...notBuilt };
}

/** An output whose path follows from its derivation, so that nobody needs a realisation of it. */
export function knownOutput(path: StorePath): BuiltOutput {
  return { path, signatures: [], derivationHash: undefined };
}
