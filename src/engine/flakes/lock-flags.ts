import type { FlakeRef } from '../../eval/index.ts';
import type { InputPath } from './input-path.ts';

/** What may be done when a flake is locked, and how. */
export interface LockFlags {
  /** Whether the lock file that there is does not count. */
  readonly recreates: boolean;
  /** Whether the lock file may change. */
  readonly updates: boolean;
  readonly writes: boolean;
  /** Whether a lock file that cannot be written, for an input is not locked, is an error. */
  readonly failsOnUnlocked: boolean;
  /** Undefined where the setting `use-registries` says. */
  readonly usesRegistries: boolean | undefined;
  /** Whether settings of the flake's `nixConfig` come into force. */
  readonly appliesConfig: boolean;
  /** Whether inputs may be locked that say nothing of their contents. */
  readonly allowsUnlocked: boolean;
  readonly commits: boolean;
  /** Read in place of the flake's own. */
  readonly referenceFile: string | undefined;
  /** Written in place of the flake's own. */
  readonly outputFile: string | undefined;
  readonly overrides: readonly InputOverride[];
  /** Inputs whose locks do not count. */
  readonly updatedInputs: readonly InputPath[];
}

export interface InputOverride {
  readonly path: InputPath;
  readonly reference: FlakeRef;
}

export const defaultLockFlags: LockFlags = {
  recreates: false,
  updates: true,
  writes: true,
  failsOnUnlocked: false,
  usesRegistries: undefined,
  appliesConfig: false,
  allowsUnlocked: true,
  commits: false,
  referenceFile: undefined,
  outputFile: undefined,
  overrides: [],
  updatedInputs: [],
};
