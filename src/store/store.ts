import type { ByteString, TreeSink } from '../base/index.ts';
import type { CallOptions, Digest } from '../castore/index.ts';
import type {
  Derivation,
  DerivationOutputId,
  OutputName,
  PathInfo,
  Realisation,
  RealisedOutput,
  RootClaim,
  Signature,
  StoreDir,
  StorePath,
} from '../nix-compat/index.ts';
import { unsupportedOperation } from './unsupported-operation.ts';

/** Sends the events of one tree to `sink`, waiting for `drain` between them. */
export type TreeSource = (sink: TreeSink, drain: () => Promise<void>, signal?: AbortSignal) => Promise<void>;

/**
 * A place that has store objects: the one on this machine, a binary cache, a daemon's. What every kind of store can do
 * is here; what only some can do is in the facets, which are undefined where a store lacks them (`requireFacet`).
 *
 * What a store says is not trusted for being said: NAR hashes are checked wherever a tree is taken over, signatures where
 * a path becomes valid (`PathWriter.add`).
 */
export interface Store extends AsyncDisposable, PossibleFacets {
  /** What messages call it: `local`, `https://cache.example.org`, `file:///srv/cache`. */
  readonly uri: string;
  readonly storeDir: StoreDir;
  /** Where its paths are on this machine; undefined where they are not. */
  readonly realStoreDir?: string | undefined;
  /** Of several substituters, that with the smallest is asked first. */
  readonly priority: number;
  /** Whether it may be asked for paths in bulk that it most likely lacks. */
  readonly wantMassQuery: boolean;
  /** Whether paths from it are taken without signatures (`?trusted=1`). */
  readonly isTrusted: boolean;
  /** Whether `streamPath` keeps to `expected`, hashing the NAR as it comes. */
  readonly checksNars?: boolean;

  /** Undefined where `path` is not valid. */
  pathInfo(path: StorePath, options?: CallOptions): Promise<PathInfo | undefined>;

  /** As `pathInfo` for each, where that is cheaper: those that are valid. */
  pathInfos?(paths: Iterable<StorePath>, options?: CallOptions): Promise<ReadonlyMap<StorePath, PathInfo>>;

  /** The valid path with these 32 characters, of which there is at most one. */
  pathFromHashPart(hashPart: string, options?: CallOptions): Promise<StorePath | undefined>;

  /** Those of `paths` that are valid. */
  validPaths(paths: Iterable<StorePath>, options?: ValidPathsOptions): Promise<Set<StorePath>>;

  /** For stores that need not be waited for. */
  readonly atHand?: PathsAtHand | undefined;

  /** Who keeps the store, for those that are behind a connection: throws where that cannot be had. */
  keeper?(options?: CallOptions): Promise<KeeperInfo>;

  /**
   * Those outputs of valid derivations whose store paths follow from them, as far as the store has noted them: spares
   * reading the derivations. Stores that note none lack it.
   */
  knownOutputs?(derivations: Iterable<StorePath>, options?: CallOptions): Promise<KnownOutputs>;

  /** The derivation at a valid path, for stores that may have it at hand; `readDerivation` reads any. Throws where it is none. */
  derivation?(path: StorePath): Derivation | undefined;

  /**
   * Those of the derivations at `paths` that `derivation` would give, for little more than one of them. `areValid`: whether
   * the caller knows that they are, which is then not asked again.
   */
  knownDerivations?(
    paths: Iterable<StorePath>,
    options?: { readonly areValid?: boolean },
  ): ReadonlyMap<StorePath, Derivation>;

  /**
   * What realisations call the outputs of `derivation`, whose input derivations are valid: stores that keep what these hash
   * to have it, which spares reading them all. `name` is for messages. Throws as `DerivationHasher.hash`.
   */
  outputIds?(derivation: Derivation, name: string): ReadonlyMap<OutputName, DerivationOutputId>;

  /**
   * Reports the tree of a valid path; `drain` is waited for between files. Throws `path/invalid`, and
   * `path/hash-mismatch` (after the last event) where the tree turns out not to have the NAR hash of its path info.
   */
  streamPath(path: StorePath, sink: TreeSink, options?: StreamPathOptions): Promise<void>;

  /**
   * To be told that a path, of which the store has given the info, will most likely be streamed soon: a store that is far away may
   * begin to fetch it, if it is small.
   */
  expect?(info: PathInfo): void;

  /** The tree of a valid path, for looking at parts of it. Throws `path/invalid`. */
  openTree(path: StorePath, options?: CallOptions): Promise<TreeAccess>;

  /** Trees that can be read before all of them is here. Stores that have none such lack it. */
  readonly lazyTrees?: LazyTrees | undefined;

  realisation(id: DerivationOutputId, options?: CallOptions): Promise<RealisedOutput | undefined>;

  /** As `realisation` for each, where that is cheaper: those that are known, by the very objects that were given. */
  knownRealisations?(ids: Iterable<DerivationOutputId>, options?: CallOptions): Promise<KnownRealisations>;

  /** The log of building the derivation at `path`, not compressed. */
  buildLog(path: StorePath, options?: CallOptions): Promise<Uint8Array | undefined>;
}

/** What a store knows of its paths, told at once. */
export interface PathsAtHand {
  isValid(path: StorePath): boolean;
  /** Undefined where `path` is not valid. */
  infoOf(path: StorePath): PathInfo | undefined;
}

/** Trees of a store that say by their digests what they have to be, blob by blob. */
export interface LazyTrees {
  /** What the store says that the tree of a valid path is; undefined where it does not say. */
  claim(path: StorePath, options?: CallOptions): Promise<RootClaim | undefined>;
  /** A blob of such a tree, in pieces, which nobody has looked at; undefined where it is absent. */
  open(digest: Digest, options?: CallOptions): Promise<AsyncIterable<Uint8Array> | undefined>;
}

export interface ValidPathsOptions extends CallOptions {
  /** Whether a store that is behind a connection first has what it can from its own substituters. */
  readonly substitute?: boolean;
}

/** What the other side of a connection says of itself. */
export interface KeeperInfo {
  /** Of its software; undefined where it does not say. */
  readonly version: string | undefined;
  /** Whether it trusts us; undefined where it does not say. */
  readonly trustsUs: boolean | undefined;
}

/** Store paths of outputs, by derivation. */
export type KnownOutputs = ReadonlyMap<StorePath, ReadonlyMap<OutputName, StorePath>>;

/** What outputs turned out to be, by what was asked for. */
export type KnownRealisations = ReadonlyMap<DerivationOutputId, RealisedOutput>;

interface Facets {
  readonly index: PathIndex;
  readonly writer: PathWriter;
  readonly collector: Collector;
  readonly upkeep: Upkeep;
  readonly repairer: Repairer;
}

type PossibleFacets = { readonly [Name in keyof Facets]?: Facets[Name] | undefined };

export interface StreamPathOptions extends CallOptions {
  readonly drain?: () => Promise<void>;
  /** What the NAR must turn out to be, where that is looked at (`Store.checksNars`); what `pathInfo` says unless given. */
  readonly expected?: Pick<PathInfo, 'narHash' | 'narSize'>;
}

/** Facet of stores that can list what they have. */
export interface PathIndex {
  /** All valid paths, in ascending order. */
  allPaths(options?: CallOptions): Promise<StorePath[]>;
  /** Valid paths that refer to `path`, itself included if it does; in ascending order. */
  referrers(path: StorePath, options?: CallOptions): Promise<StorePath[]>;
  /** Valid derivations that have `path` as a known output. */
  validDerivers(path: StorePath, options?: CallOptions): Promise<StorePath[]>;
  /** Valid paths that were registered after that many registrations, and how many there are now; where that is counted. */
  registeredSince?(
    change: number,
    options?: CallOptions,
  ): Promise<{ readonly paths: readonly StorePath[]; readonly change: number }>;
}

/** One place that a path can be had from. */
export interface PathOffer {
  readonly info: PathInfo;
  readonly source: TreeSource;
  /** What messages call that place: a store's `uri`. */
  readonly from: string;
  /** Whether the place is trusted, so that no signature is asked for. */
  readonly isTrusted: boolean;
  /** Whether `source` itself fails unless the NAR has the hash and the size of `info`, so that it need not be hashed again. */
  readonly checksNar?: boolean;
}

/** A path that is to become valid. */
export interface PathAddition {
  readonly path: StorePath;
  /** Tried in this order until one is good; at least one. */
  readonly offers: readonly [PathOffer, ...PathOffer[]];
}

export interface AddPathsOptions extends CallOptions {
  /** Whether paths must be content-addressed, ultimate or signed by a trusted key, unless offered by a trusted place. True unless given. */
  readonly checkSignatures?: boolean;
  /** Whether paths that are valid already get their contents anew. */
  readonly repair?: boolean;
  /** Whether the others are still added when one fails. */
  readonly keepGoing?: boolean;
  /** Additions that run at a time; the store's own choice unless given. */
  readonly concurrency?: number;
  /** Called once for each path that is valid from now on. */
  readonly added?: (path: StorePath) => void;
  /** Those that are valid of all that is added and referred to, if the caller has just asked. */
  readonly knownValid?: ReadonlySet<StorePath> | undefined;
  /** Paths that the caller has locked, for stores where whoever adds a path locks it. */
  readonly held?: ReadonlySet<StorePath> | undefined;
}

export interface OrderedAddingOptions {
  readonly checkSignatures: boolean;
  readonly repair: boolean;
  readonly signal: AbortSignal;
}

/**
 * Adds paths that come one after the other, each after those it refers to, and become valid in groups: at the latest by
 * `commit`, which is to be called also where something fails, so that those before stay.
 */
export interface OrderedAdding extends AsyncDisposable {
  /** The source is not asked if the path is valid, or comes for a second time. Throws as `PathWriter.add`. */
  add(offer: PathOffer): Promise<void>;
  commit(): Promise<void>;
}

export interface AdditionFailure {
  readonly path: StorePath;
  readonly error: Error;
}

/** Facet of stores that can be written to. */
export interface PathWriter {
  /**
   * Makes paths valid, in any order that keeps the store closed: a path becomes valid after or together with what it
   * refers to, which is valid already or among `additions`. Paths that are valid already are skipped unless `repair`.
   * Several become durable at once where that is cheaper.
   *
   * Without `keepGoing` the first failure ends the rest and is thrown; with it, those that failed are returned, and
   * those that could not be added since what they refer to failed. Failures: `path/missing-reference`,
   * `path/hash-mismatch`, `path/untrusted`, and what the sources throw.
   */
  add(additions: readonly PathAddition[], options?: AddPathsOptions): Promise<AdditionFailure[]>;

  /** Begins to add paths that come one after the other; stores where that is no cheaper than `add` for each lack it. */
  beginAdding?(options: OrderedAddingOptions): OrderedAdding;

  /** Adds to the signatures that a valid path has. Throws `path/invalid`. */
  addSignatures(path: StorePath, signatures: readonly Signature[], options?: CallOptions): Promise<void>;

  /** Throws `realisation/conflict` where the output is known to be something else. */
  addRealisation(realisation: Realisation, options?: CallOptions): Promise<void>;

  /** As `addRealisation` for each, all at once: where that is cheaper. */
  addRealisations?(realisations: readonly Realisation[], options?: CallOptions): Promise<void>;

  addBuildLog(path: StorePath, log: Uint8Array, options?: CallOptions): Promise<void>;
}

export interface CollectOptions extends CallOptions {
  /** Stops once so many bytes are freed. */
  readonly maxFreed?: number;
  /** Only these, which must all be dead unless `ignoreLiveness`; all that is dead unless given. */
  readonly paths?: readonly StorePath[];
  readonly ignoreLiveness?: boolean;
  readonly keepOutputs?: boolean;
  readonly keepDerivations?: boolean;
  /** Called once with what was deleted, also where an error put an end to it. */
  readonly collected?: (collected: Collected) => void;
}

export interface Collected {
  readonly paths: readonly StorePath[];
  readonly bytesFreed: number;
}

export interface StoreRoot {
  readonly path: StorePath;
  /** For people: the link that points at it, or what of a process holds it (`{temp:12}`, `/proc/12/exe`). */
  readonly holder: string;
}

/** Facet of stores whose garbage can be collected from here. */
export interface Collector {
  /** `censor` hides what other users' processes hold. */
  findRoots(options?: CallOptions & { readonly censor?: boolean }): Promise<StoreRoot[]>;
  /** All that is live, or all that is dead, in ascending order. */
  liveness(options?: CollectOptions): Promise<{ readonly live: StorePath[]; readonly dead: StorePath[] }>;
  collect(options?: CollectOptions): Promise<Collected>;
  /** Keeps `paths` until the store is disposed of. */
  addTemporaryRoots(paths: Iterable<StorePath>): Promise<void>;
  /** Makes the link at `link` (absolute) to `path` and registers it as a root. */
  addIndirectRoot(link: string, path: StorePath): Promise<void>;
  /** Registers the link at `link` (absolute), which somebody else has made and may change, as a root while it leads into the store. */
  registerIndirectRoot(link: string): Promise<void>;
}

/**
 * Where the contents of a damaged path are had anew: `blobs-first` takes what the store itself still has of them, and asks
 * `fetch` where that is not all; `elsewhere` asks `fetch` alone, as C++ Nix does, which has no second copy.
 */
export type RepairPolicy = 'blobs-first' | 'elsewhere';

export interface RepairOptions extends CallOptions {
  /** `blobs-first` unless given. */
  readonly policy?: RepairPolicy;
  /** Gets the contents of a path from elsewhere, by an addition with `repair`; throws where nobody has them. */
  readonly fetch?: (path: StorePath, options: CallOptions) => Promise<void>;
}

export interface VerifyStoreOptions extends RepairOptions {
  readonly checkContents?: boolean;
  readonly repair?: boolean;
}

/** Facet of stores that can be gone through as a whole. */
export interface Upkeep {
  /** Whether errors remain. They are reported as they are found. */
  verify(options?: VerifyStoreOptions): Promise<boolean>;
  /** Keeps files with equal contents once. Undefined where somebody else does, who reports what came of it. */
  optimise(options?: CallOptions): Promise<Optimised | undefined>;
}

export interface Optimised {
  readonly filesLinked: number;
  readonly bytesFreed: number;
}

/** Facet of stores whose disk is ours. */
export interface Repairer {
  /** Whether what is on disk for a valid path is what it should be. Throws `path/invalid`. */
  isIntact(path: StorePath, options?: CallOptions): Promise<boolean>;
  /** Gets contents anew, as the policy says. Throws `path/invalid`, `path/irreparable`. */
  repair(path: StorePath, options?: RepairOptions): Promise<void>;
}

/** What is at some place of a tree. */
export type TreeEntry =
  | { readonly type: 'regular'; readonly size: number; readonly executable: boolean; readonly narOffset?: number }
  | { readonly type: 'directory'; readonly names: readonly ByteString[] }
  | { readonly type: 'symlink'; readonly target: ByteString };

/** The names that lead from the root of a tree to one of its entries; none for the root itself. */
export type TreePath = readonly ByteString[];

/** A tree to look around in. Symlinks are not followed. */
export interface TreeAccess {
  /** Undefined where nothing is at `path`. */
  lookup(path: TreePath, options?: CallOptions): Promise<TreeEntry | undefined>;
  /** The contents of a plain file, each chunk lent until the next is asked for. Throws `tree/not-a-file`. */
  read(path: TreePath, options?: CallOptions): AsyncIterable<Uint8Array>;
}

/** A facet that `operation` needs. Throws `store/unsupported`. */
export function requireFacet<Name extends keyof Facets>(store: Store, name: Name, operation: string): Facets[Name] {
  const facets: PossibleFacets = store;
  const facet = facets[name];
  if (facet !== undefined) return facet;
  throw unsupportedOperation(store.uri, operation);
}
