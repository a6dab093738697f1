import { FirnError } from '../base/index.ts';
import type { BuildFailureStatus } from '../nix-compat/index.ts';

/** Codes never change their meaning. */
export const engineErrorCodes = [
  /** Something could not be built or substituted: `BuildError.status` says which way. */
  'build/failed',
] as const;

export type EngineErrorCode = (typeof engineErrorCodes)[number];

export class EngineError extends FirnError<EngineErrorCode> {}

/** Why a derivation could not be built, or a path not be had. Its message is C++ Nix's, with the terminal's colours. */
export class BuildError extends EngineError {
  readonly status: BuildFailureStatus;

  constructor(status: BuildFailureStatus, message: string, options?: ErrorOptions) {
    super('build/failed', message, options);
    this.status = status;
  }
}
