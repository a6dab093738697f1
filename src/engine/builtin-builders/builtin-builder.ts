import type { Reporter } from '../../base/index.ts';
import type { BasicDerivation, OutputName, ReadableSettings } from '../../nix-compat/index.ts';
import type { Mirrors } from './mirrors/mirrors.ts';
import type { StoreView } from './store-view.ts';

/** One run of a builder that is part of Firn: no process and no sandbox, but this process and this machine's network. */
export interface BuiltinBuild {
  /** Resolved. */
  readonly derivation: BasicDerivation;
  /** Where each output is to be made on this machine's disk. Nothing is there yet. */
  readonly outputs: ReadonlyMap<OutputName, string>;
  /** The store's files, by the names that derivations have for them. */
  readonly view: StoreView;
  /** A folder of this build's own, for what is not to be kept. */
  readonly temporaryFolder: string;
  readonly services: BuiltinServices;
  /** What downloads and warnings are part of. */
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** What builders of one process share. */
export interface BuiltinServices {
  /** How downloads are made. */
  readonly settings: ReadableSettings;
  readonly mirrors: Mirrors;
}

/**
 * Makes the outputs. What it throws is the builder's failure, `error: MESSAGE` being the last line of its log (as if a
 * process had exited with status 1), save for the signal's reason.
 */
export type BuiltinBuilder = (build: BuiltinBuild) => Promise<void> | void;
