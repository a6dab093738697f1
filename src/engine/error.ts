import { FirnError } from '../base/index.ts';
import type { BuildFailureStatus } from '../nix-compat/index.ts';

/** Codes never change their meaning. */
export const engineErrorCodes = [
  /** Something could not be built or substituted: `BuildError.status` says which way. */
  'build/failed',
  /** A `builtin:` builder that there is not. */
  'builtin/unknown',
  /** A derivation without an output `out` for a builder that makes that. */
  'builtin/no-out',
  /** A derivation whose output is of another kind than its builder makes. */
  'builtin/bad-output',
  /** A derivation that lacks a variable that its builder needs. */
  'builtin/missing-attribute',
  /** A variable that does not say what the builder needs to know. */
  'builtin/bad-attribute',
  /** An archive of a channel that does not hold exactly one thing. */
  'builtin/bad-channel',
  /** Packages of an environment that have different things in one place. */
  'builtin/package-conflict',
  /** A folder that is to be linked and cannot be read. */
  'builtin/unreadable',
  /** Symlinks that lead to each other. */
  'builtin/symlink-cycle',
  /** A name that no package has of those there are. */
  'environment/no-match',
  /** A profile that another command manages. */
  'environment/other-manifest',
  /** A manifest of a profile that cannot be read. */
  'environment/bad-manifest',
  /** A text that is no URL of a mirror. */
  'mirror/bad-url',
  /** A mirror of which this machine does not say where it is. */
  'mirror/unknown',
  /** A program that is run around builds (`post-build-hook` and the like) failed. */
  'build/hook-failed',
  /** The folder where builds are to be is one where others could put something in place of theirs. */
  'build/unsafe-folder',
  /** There are no users that builds could run as. */
  'build/no-users',
  /** A control group for a build cannot be made. */
  'build/no-control-group',
  /** Builders would have supplementary groups of ours, which a setting forbids. */
  'build/keeps-groups',
  /** The system did not let us take over what a builder left. */
  'build/not-registered',
  /** What a builder names as an output and that cannot be one. */
  'nested/bad-submission',
  /** A builder asks for what builders are not served with. */
  'nested/unsupported',
  /** Another machine says that a build has failed there. */
  'machine/build-failed',
  /** Another machine's answer does not tell what was asked for. */
  'machine/bad-answer',
  /** The program of the setting `build-hook` cannot be run, or does not keep to its protocol. */
  'machine/bad-hook',
  /** The program of the setting `build-hook` failed with a build that it had taken. */
  'machine/hook-failed',
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
