import type { Reporter } from '../../base/index.ts';
import type { BasicDerivation, BuildMode, BuildResult, StorePath } from '../../nix-compat/index.ts';

/** A derivation to build. All its inputs are valid, and kept from being collected. */
export interface BuildJob {
  /** Of the derivation, for messages, logs and the derivers of its outputs. */
  readonly path: StorePath;
  /** Resolved: its inputs are store paths alone. */
  readonly derivation: BasicDerivation;
  readonly mode: BuildMode;
}

/** The right to run one of the builders that run at a time. */
export interface BuildSlot {
  /** Others have it while something is waited for that they may be doing. */
  yieldWhile(wait: () => Promise<void>): Promise<void>;
}

export interface BuildOptions {
  readonly signal: AbortSignal;
  /** What the build holds from its begin to its end. */
  readonly slot: BuildSlot;
  /** The builder starts the activity of the build itself. */
  readonly reporter: Reporter;
  /**
   * Whether the result may come as soon as this process can go by it: is told then when the outputs are durable and valid
   * for everybody, and what is left of the build is gone. If that fails the result was wrong.
   */
  readonly settles?: ((settled: Promise<void>) => void) | undefined;
}

/** Somebody who builds derivations: this machine, another one, a farm. */
export interface DerivationBuilder extends AsyncDisposable {
  /** How many it builds at a time; 0 for none. Builds of `builtin:` builders are taken all the same. */
  readonly slots: number;
  /** Why it does not build such derivations, if so (`InputRejected`): platform, features. */
  obstacle(derivation: BasicDerivation): string | undefined;
  /**
   * Builds it, or finds that somebody else just has. All outputs are valid then, and have realisations where that is
   * asked for. Resolves with a failure for all that is wrong with the derivation or its builder; throws what is wrong
   * with us, and the signal's reason.
   */
  build(job: BuildJob, options: BuildOptions): Promise<BuildResult>;
}
