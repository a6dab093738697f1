import type { Reporter, TreeSink } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import type {
  BasicDerivation,
  BuildMode,
  BuildResult,
  DerivationOutputId,
  PathInfo,
  Realisation,
  RealisedOutput,
  Signature,
  StorePath,
} from '../../nix-compat/index.ts';
import type { KeeperInfo, PathOffer } from '../store.ts';

/** Gets a NAR while it arrives. */
export interface NarReceiver {
  readonly sink: TreeSink;
  /** Its bytes, lent. */
  readonly observe: (chunk: Uint8Array) => void;
  readonly drain: () => Promise<void>;
}

export interface AddNarOptions extends CallOptions {
  readonly repair: boolean;
  readonly checkSignatures: boolean;
}

/** A derivation for the other side to build: its inputs are valid there. */
export interface RemoteBuild {
  readonly path: StorePath;
  readonly derivation: BasicDerivation;
  readonly mode: BuildMode;
  /** Where the protocol has no other way to say it. */
  readonly limits: BuildLimits;
}

/** How long a build may take. */
export interface BuildLimits {
  /** In seconds, without output and in all; 0 for no limit. */
  readonly maxSilentTime: number;
  readonly timeout: number;
  /** In bytes; 0 for no limit. */
  readonly maxLogSize: number;
  readonly keepsFailed: boolean;
}

/**
 * One connection to whoever keeps a store, in one of Nix's protocols. One call at a time. What a method throws ends the
 * connection, unless it is a `remote/failed`, which leaves it as it was. What a protocol lacks is undefined.
 */
export interface PeerConnection extends AsyncDisposable {
  readonly keeper: KeeperInfo;
  /** Whether the other side has ended it. */
  readonly isOver: boolean;
  /** Those of `paths` that are valid. */
  pathInfos(paths: ReadonlySet<StorePath>): Promise<Map<StorePath, PathInfo>>;
  /** Those of `paths` that are valid, once as many as can be had are if `substitute`. */
  validPaths(paths: ReadonlySet<StorePath>, substitute: boolean): Promise<Set<StorePath>>;
  /** Asks for the NAR of a path that is valid: others may be asked for before it has come, and they come in that order. */
  requestNar(path: StorePath): Promise<void>;
  /** Receives the NAR that was asked for first and has not come yet. */
  readNar(receiver: NarReceiver): Promise<void>;
  /** Resolves when it is valid. */
  add(offer: PathOffer, options: AddNarOptions): Promise<void>;
  /** Adds paths, each after those it refers to, one after the other without waiting. Resolves when all are valid. */
  readonly addAll?: ((offers: readonly PathOffer[], options: AddNarOptions) => Promise<void>) | undefined;
  pathFromHashPart?(hashPart: string): Promise<StorePath | undefined>;
  realisation?(id: DerivationOutputId): Promise<RealisedOutput | undefined>;
  addSignatures?(path: StorePath, signatures: readonly Signature[]): Promise<void>;
  addRealisation?(realisation: Realisation): Promise<void>;
  /** What becomes of it. `reporter` is told of it where the protocol has messages. */
  build?(build: RemoteBuild, reporter: Reporter): Promise<BuildResult>;
  addBuildLog?(path: StorePath, log: Uint8Array): Promise<void>;
  /** Ends it at once, with all that is going on. */
  destroy(): void;
}
