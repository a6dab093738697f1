import type { Reporter } from '../../base/index.ts';
import type { NestedRealising } from '../nested/nested-store.ts';
import type { RunningBuild } from '../nested/running-build.ts';
import type { BasicDerivation, BuildMode, BuildResult, StorePath } from '../../nix-compat/index.ts';

/** A derivation to build. All its inputs are valid, and kept from being collected. */
export interface BuildJob {
  /** Of the derivation, for messages, logs and the derivers of its outputs. */
  readonly path: StorePath;
  /** Resolved: its inputs are store paths alone. */
  readonly derivation: BasicDerivation;
  readonly mode: BuildMode;
}

/** The right to run one of the builders that run on this machine at a time. */
export interface BuildSlot {
  /** Others have it while something is waited for that they may be doing. */
  yieldWhile(wait: () => Promise<void>): Promise<void>;
}

/** Where builds on this machine get the right to that. */
export interface SlotSource {
  /** Whether there is one to be had at once. */
  readonly hasFree: boolean;
  /** Waits for one, to be disposed of when the build has ended. Throws the signal's reason. */
  acquire(signal: AbortSignal): Promise<BuildSlot & Disposable>;
}

export interface BuildOptions {
  readonly signal: AbortSignal;
  readonly slots: SlotSource;
  /** How much waits for this build: of several that could begin, the one with the largest does. */
  readonly weight: number;
  /** To be called when the build waits no longer for others to end. */
  readonly started?: (() => void) | undefined;
  /** The builder starts the activity of the build itself. */
  readonly reporter: Reporter;
  /**
   * Whether the result may come as soon as this process can go by it: is told then when the outputs are durable and valid
   * for everybody, and what is left of the build is gone. If that fails the result was wrong.
   */
  readonly settles?: ((settled: Promise<void>) => void) | undefined;
  /** Who makes valid what a builder wants that may use Nix; unless given, no such builder runs. */
  readonly nested?: NestedRealising | undefined;
  /** The build whose builder has asked for this one, if one has. */
  readonly parent?: RunningBuild | undefined;
}

/** Somebody who builds derivations: this machine, another one, a farm. */
export interface DerivationBuilder extends AsyncDisposable {
  /** How many it builds at a time; 0 for none. Builds of `builtin:` builders are taken all the same. */
  readonly slots: number;
  /** Why it does not build such derivations, if so (`InputRejected`), as long as nothing but the derivation is known. */
  rejection(job: Pick<BuildJob, 'path' | 'derivation'>): string | undefined;
  /**
   * Builds it, or finds that somebody else just has. All outputs are valid then, and have realisations where that is
   * asked for. Resolves with a failure for all that is wrong with the derivation or its builder; throws what is wrong
   * with us, and the signal's reason.
   */
  build(job: BuildJob, options: BuildOptions): Promise<BuildResult>;
}
