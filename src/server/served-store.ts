import type { Reporter } from '../base/index.ts';
import type { CallOptions } from '../castore/index.ts';
import type { NestedStore, RealisationPlan, Realised } from '../engine/index.ts';
import type {
  BasicDerivation,
  BuildMode,
  BuildResult,
  DerivingPath,
  PathInfo,
  StorePath,
} from '../nix-compat/index.ts';
import type { Store } from '../store/index.ts';

/** What a client wants done, beside what is to be valid. */
export interface BuildRequest {
  readonly mode: BuildMode;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}

/** What a substituter has. */
export interface SubstitutablePath {
  readonly info: PathInfo;
  /** In bytes; 0 if unknown. */
  readonly downloadSize: number;
}

/** What a service can do for its client: a store, and whoever makes paths valid in it. */
export interface ServedStore {
  readonly store: Store;
  /** Of the software, as C++ Nix numbers its own. */
  readonly version: string;
  /** Sets what the next requests are done by, as a line of nix.conf does. Throws `config/…`. */
  assign(name: string, value: string): void;
  /** Substituters that clients may choose which are not trusted. */
  trustedSubstituters(): ReadonlySet<string>;
  /** What became of each; failures are among it. Throws as `Realiser.realise`. */
  realise(wanted: readonly DerivingPath[], request: BuildRequest): Promise<Realised>;
  /** Throws as `Realiser.realiseDerivation`. */
  build(path: StorePath, derivation: BasicDerivation, request: BuildRequest): Promise<BuildResult>;
  /** Makes valid what can be had of `paths`, with all that it refers to; what fails is reported. */
  substitute(paths: ReadonlySet<StorePath>, options: Pick<BuildRequest, 'signal' | 'reporter'>): Promise<void>;
  /** Throws as `planRealisation`. */
  plan(wanted: readonly DerivingPath[], options: CallOptions): Promise<RealisationPlan>;
  /** What the client may do besides where it is the builder of a build that goes on here. */
  readonly builder?: Pick<NestedStore, 'mode' | 'addContents' | 'submit'>;
  /** Those of `paths` that substituters have. */
  findSubstitutes(paths: ReadonlySet<StorePath>, options: CallOptions): Promise<Map<StorePath, SubstitutablePath>>;
}
