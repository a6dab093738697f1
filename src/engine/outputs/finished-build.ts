import type {
  BasicDerivation,
  BuildMode,
  DerivationOptions,
  DerivationOutputId,
  OutputName,
  StorePath,
} from '../../nix-compat/index.ts';

/** What a builder that ended well has left. */
export interface FinishedBuild {
  /** Of the derivation: the deriver of the outputs. */
  readonly path: StorePath;
  readonly derivation: BasicDerivation;
  readonly options: DerivationOptions<StorePath>;
  readonly mode: BuildMode;
  readonly outputs: ReadonlyMap<OutputName, LeftOutput>;
  /** The closure of the inputs: what outputs may refer to, besides each other. */
  readonly inputs: ReadonlySet<StorePath>;
}

export interface LeftOutput {
  /** By which name the builder knew it, and others of the outputs may refer to it. */
  readonly scratch: StorePath;
  /** Where it should be on this machine's disk; perhaps nothing is there. */
  readonly at: string;
  /** What it is called in realisations. */
  readonly id: DerivationOutputId;
  /**
   * Its valid store path, if it had been built before: that stays, but for mode `check` what is left here is not even
   * looked at. In mode `repair` undefined for what is valid and is to be replaced.
   */
  readonly valid: StorePath | undefined;
}
