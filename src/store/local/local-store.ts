import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import {
  type ByteString,
  type Reporter,
  type TreeSink,
  bytesOf,
  errnoOf,
  silentReporter,
  systemErrorText,
} from '../../base/index.ts';
import {
  type CallOptions,
  DiskBlobStore,
  type FileSystem,
  type LinkableFiles,
  type Node,
  makeFolder,
  realFileSystem,
} from '../../castore/index.ts';
import {
  type Derivation,
  type DerivationOutputId,
  type OutputName,
  type PathInfo,
  type PublicKey,
  type RealisedOutput,
  type SecretKey,
  type Signature,
  type StoreDir,
  type StorePath,
  defaultStoreDir,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { KnownOutputs, KnownRealisations, PathsAtHand, Store, StreamPathOptions, TreeAccess } from '../store.ts';
import { type AutoCollectOptions, AutoCollector } from './gc/auto-collector.ts';
import { LocalCollector } from './gc/local-collector.ts';
import { readBuildLog } from './build-log.ts';
import { EarlyCommits } from './early-commits.ts';
import { LocalDerivations } from './local-derivations.ts';
import { LocalIndex } from './local-index.ts';
import { LocalTrees } from './local-trees.ts';
import { LocalUpkeep } from './local-upkeep.ts';
import { LocalWriter } from './local-writer.ts';
import { Inheritance } from './overlay/inheritance.ts';
import type { Overlay } from './overlay/overlay.ts';
import { PathLocks } from './path-locks.ts';
import { PathTable } from './path-table.ts';
import { RealisationTable } from './realisation-table.ts';
import { TemporaryRoots } from './roots/temporary-roots.ts';
import { storeSchema } from './store-schema.ts';

export interface LocalStoreOptions {
  /** Absolute: docs/formats/data-folder.md. */
  readonly dataFolder: string;
  /** Where store paths are said to be; `/nix/store` unless given. */
  readonly storeDir?: StoreDir;
  /** Where they are: absolute. The same as `storeDir` where it is ours, else a private folder. */
  readonly realStoreDir: string;
  /** Where links to store paths lead; `realStoreDir` unless given. */
  readonly linkedStoreDir?: string;
  /** Of build logs: absolute; `log` in the data folder unless given. */
  readonly logDir?: string;
  /** `local` unless given. */
  readonly uri?: string;
  readonly priority?: number | undefined;
  readonly wantMassQuery?: boolean | undefined;
  readonly isTrusted?: boolean;
  /** See `LocalStore.systemFeatures`. */
  readonly systemFeatures?: ReadonlySet<string> | undefined;
  /** By name. Not looked at before a signature is to be checked. */
  readonly trustedKeys?: ReadonlyMap<string, PublicKey>;
  /** Whether what others offer must be signed by a trusted key, or content-addressed. True unless given. */
  readonly requireSignatures?: boolean;
  /** Sign what is built here. Not looked at before something is to be signed. */
  readonly secretKeys?: readonly SecretKey[];
  /** Whether nothing may be written, not even a lock: for stores on file systems that are read-only. */
  readonly readOnly?: boolean;
  /** With `readOnly`: whether others write meanwhile, who are to be seen. */
  readonly hasWriters?: boolean;
  /** What the store inherits from, if anything. */
  readonly overlay?: Overlay | undefined;
  readonly reporter?: Reporter;
  /** For tests that make calls fail. */
  readonly fileSystem?: FileSystem;
  /** Whether small files of equal contents are links, too (`auto-optimise-store`); large ones are in any case. */
  readonly linksSmallFiles?: boolean;
  /** When to collect garbage for want of space, if ever. */
  readonly autoCollect?: AutoCollectOptions;
}

const noKeys: ReadonlyMap<string, PublicKey> = new Map();

/**
 * A store on this machine's disk. The trees are in the castore; the store directory holds their checkouts, which are
 * made when a path is added and can be made again from the castore at any time.
 */
export class LocalStore implements Store {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly realStoreDir: string;
  readonly linkedStoreDir: string;
  readonly dataFolder: string;
  readonly logDir: string;
  readonly priority: number;
  readonly wantMassQuery: boolean;
  readonly isTrusted: boolean;
  /** What may be required of who builds in this store, where its URI says so. */
  readonly systemFeatures: ReadonlySet<string> | undefined;
  readonly requireSignatures: boolean;
  readonly readOnly: boolean;
  readonly overlay: Overlay | undefined;
  readonly reporter: Reporter;

  readonly blobs: DiskBlobStore;
  readonly paths: PathTable;
  readonly realisations: RealisationTable;
  readonly derivations: LocalDerivations;
  readonly temporaryRoots: TemporaryRoots;
  readonly earlyCommits: EarlyCommits;
  readonly pathLocks: PathLocks;

  readonly index: LocalIndex;
  readonly writer: LocalWriter;
  readonly collector: LocalCollector;
  readonly upkeep: LocalUpkeep;
  readonly repairer: LocalUpkeep;
  readonly #trees = new LocalTrees(this);
  readonly #inheritance: Inheritance | undefined;
  readonly #options: LocalStoreOptions;
  readonly #autoCollector: AutoCollector | undefined;
  #takesDrafts: boolean | undefined;

  /** Opens or creates it. Throws `data-folder/…` errors and the system's for the store directory. */
  constructor(options: LocalStoreOptions) {
    this.uri = options.uri ?? 'local';
    this.storeDir = options.storeDir ?? defaultStoreDir;
    this.realStoreDir = options.realStoreDir;
    this.linkedStoreDir = options.linkedStoreDir ?? options.realStoreDir;
    this.dataFolder = options.dataFolder;
    this.systemFeatures = options.systemFeatures;
    this.logDir = options.logDir ?? join(options.dataFolder, 'log');
    this.priority = options.priority ?? 0;
    this.wantMassQuery = options.wantMassQuery ?? false;
    this.isTrusted = options.isTrusted ?? false;
    this.#options = options;
    this.requireSignatures = options.requireSignatures ?? true;
    this.readOnly = options.readOnly ?? false;
    this.overlay = options.overlay;
    this.#inheritance = options.overlay && new Inheritance(this, options.overlay.lower);
    this.reporter = options.reporter ?? silentReporter;
    const { fileSystem = realFileSystem } = options;
    const schemas = [storeSchema];
    this.blobs = new DiskBlobStore(options.dataFolder, {
      schemas,
      readOnly: this.readOnly,
      hasWriters: options.hasWriters ?? false,
      fileSystem,
      // A client of a daemon sets it when the store is open.
      linksSmallFiles: () => options.linksSmallFiles ?? false,
    });
    const { database } = this.blobs.folder;
    this.paths = new PathTable(database);
    this.realisations = new RealisationTable(database, this.storeDir);
    this.derivations = new LocalDerivations(this.storeDir, this.blobs, {
      paths: this.paths,
      placeOf: path => this.realPath(path),
      earlyPlace: path => (this.earlyCommits.hasSome ? this.realPath(path) : undefined),
    });
    this.temporaryRoots = new TemporaryRoots(join(options.dataFolder, 'temproots'), this.storeDir);
    this.earlyCommits = new EarlyCommits(database);
    this.pathLocks = new PathLocks(options.dataFolder);
    this.index = new LocalIndex(this.paths, options.overlay?.lower.index);
    this.writer = new LocalWriter(this);
    this.collector = new LocalCollector(this);
    this.upkeep = new LocalUpkeep(this);
    this.repairer = this.upkeep;
    if (options.autoCollect !== undefined && !this.readOnly) {
      const { collector, realStoreDir: folder, reporter } = this;
      this.#autoCollector = new AutoCollector({ collector, folder, reporter }, options.autoCollect);
    }
    if (this.readOnly) return;
    try {
      requireWritableFolder(join(options.dataFolder, 'db'));
      makeFolder(fileSystem, this.realStoreDir, 0o1775);
      // Here C++ Nix links files of the same contents, and its users' scripts look; ours are links of the castore's.
      makeFolder(fileSystem, join(this.realStoreDir, '.links'));
      // Here users put links themselves.
      for (const name of ['gcroots', 'profiles']) {
        makeFolder(fileSystem, join(options.dataFolder, name));
        makeFolder(fileSystem, join(options.dataFolder, name, 'per-user'));
      }
    } catch (error) {
      this.blobs.folder[Symbol.dispose]();
      throw error;
    }
  }

  get trustedKeys(): ReadonlyMap<string, PublicKey> {
    return this.#options.trustedKeys ?? noKeys;
  }

  /** What the store's secret keys say for a fingerprint, to whoever trusts them. */
  sign(fingerprint: ByteString): Signature[] {
    return (this.#options.secretKeys ?? []).map(key => key.sign(bytesOf(fingerprint)));
  }

  /** Where the checkout of `path` is on disk. */
  realPath(path: StorePath): string {
    return join(this.realStoreDir, path);
  }

  /**
   * Whether what is made in the castore's folder can be moved to the store directory and linked back. They may be two file
   * systems, or two mounts of one.
   */
  get takesDrafts(): boolean {
    return (this.#takesDrafts ??= this.#canLink());
  }

  #canLink(): boolean {
    const { fileSystem: fs } = this.blobs.folder;
    const file = join(this.blobs.folder.temporaryFolder(), 'lock');
    const link = join(this.realStoreDir, '.links', `${process.pid}-${crypto.randomUUID()}`);
    try {
      fs.linkSync(file, link);
    } catch (error) {
      if (['EXDEV', 'EPERM', 'EMLINK'].includes(errnoOf(error) ?? '')) return false;
      throw error;
    }
    fs.unlinkSync(link);
    return true;
  }

  /** Undefined where the store below may have to be asked first. */
  get atHand(): PathsAtHand | undefined {
    return this.#inheritance === undefined ? this.paths : undefined;
  }

  /** For checkouts of trees whose files are known to be prepared. */
  get preparedFiles(): LinkableFiles {
    return { prepareFiles: () => Promise.resolve(), pathOf: node => this.blobs.pathOf(node) };
  }

  /**
   * Records what the store below has of `paths`, if there is one, so that the tables have it: to be waited for before these are
   * asked whether something is valid. As `Inheritance.inheritPaths`.
   */
  async inherit(paths: Iterable<StorePath>, options?: CallOptions): Promise<void> {
    await this.#inheritance?.inheritPaths(paths, options);
  }

  /** As `inherit`, what outputs are. */
  async inheritRealisations(ids: Iterable<DerivationOutputId>, options?: CallOptions): Promise<void> {
    await this.#inheritance?.inheritRealisations(ids, options);
  }

  async pathInfo(path: StorePath, { signal }: CallOptions = {}): Promise<PathInfo | undefined> {
    signal?.throwIfAborted();
    await this.inherit([path], { signal });
    return this.paths.infoOf(path);
  }

  async pathInfos(paths: Iterable<StorePath>, { signal }: CallOptions = {}): Promise<Map<StorePath, PathInfo>> {
    signal?.throwIfAborted();
    const wanted = new Set(paths);
    await this.inherit(wanted, { signal });
    return this.paths.infosOf(wanted);
  }

  async pathFromHashPart(hashPart: string, { signal }: CallOptions = {}): Promise<StorePath | undefined> {
    signal?.throwIfAborted();
    return this.paths.findByHashPart(hashPart) ?? this.overlay?.lower.pathFromHashPart(hashPart, { signal });
  }

  async validPaths(paths: Iterable<StorePath>, { signal }: CallOptions = {}): Promise<Set<StorePath>> {
    signal?.throwIfAborted();
    const wanted = new Set(paths);
    await this.inherit(wanted, { signal });
    return this.paths.validOf(wanted);
  }

  async knownOutputs(derivations: Iterable<StorePath>, { signal }: CallOptions = {}): Promise<KnownOutputs> {
    signal?.throwIfAborted();
    const wanted = new Set(derivations);
    await this.inherit(wanted, { signal });
    return this.paths.knownOutputsOf(wanted);
  }

  derivation(path: StorePath): Derivation | undefined {
    return this.derivations.read(path);
  }

  knownDerivations(
    paths: Iterable<StorePath>,
    options?: { readonly areValid?: boolean },
  ): ReadonlyMap<StorePath, Derivation> {
    return this.derivations.readAll(paths, options);
  }

  outputIds(derivation: Derivation, name: string): ReadonlyMap<OutputName, DerivationOutputId> {
    return this.derivations.outputIds(derivation, name);
  }

  /** Throws `blob/missing` too. */
  streamPath(path: StorePath, sink: TreeSink, options?: StreamPathOptions): Promise<void> {
    return this.#trees.stream(path, sink, options);
  }

  openTree(path: StorePath, options?: CallOptions): Promise<TreeAccess> {
    return this.#trees.open(path, options);
  }

  /** The root of a valid path's tree in the castore, which takes it in for that if need be: `LocalTrees.rootOf`. */
  rootOf(path: StorePath, options?: CallOptions): Promise<Node> {
    return this.#trees.rootOf(path, options);
  }

  async realisation(id: DerivationOutputId, { signal }: CallOptions = {}): Promise<RealisedOutput | undefined> {
    signal?.throwIfAborted();
    await this.inheritRealisations([id], { signal });
    return this.realisations.find(id);
  }

  async knownRealisations(ids: Iterable<DerivationOutputId>, { signal }: CallOptions = {}): Promise<KnownRealisations> {
    signal?.throwIfAborted();
    const wanted = new Set(ids);
    await this.inheritRealisations(wanted, { signal });
    return this.realisations.findAll(wanted);
  }

  async buildLog(path: StorePath, { signal }: CallOptions = {}): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    return (await readBuildLog(this.logDir, path)) ?? this.overlay?.lower.buildLog(path, { signal });
  }

  /**
   * Collects garbage if the disk is full: to be called by who is about to add, once what it refers to is held and
   * before it begins a batch, since a collection waits for batches to end.
   */
  async makeRoom(): Promise<void> {
    await this.#autoCollector?.check();
  }

  /** For what is to be kept for a shorter time than this process lives: what is added is kept until it is disposed of. */
  openTemporaryRoots(): TemporaryRoots {
    return new TemporaryRoots(join(this.dataFolder, 'temproots'), this.storeDir);
  }

  /** Throws `store/read-only`, in the words of whoever refuses. */
  requireWritable(): void {
    if (!this.readOnly) return;
    try {
      accessSync(this.realStoreDir, constants.W_OK);
    } catch (cause) {
      const message = `cannot write to '${this.realStoreDir}': ${systemErrorText(cause)}`;
      throw new StoreError('store/read-only', message, { cause });
    }
    const message = `cannot change the store '${this.uri}': attempt to write a readonly database`;
    throw new StoreError('store/read-only', message);
  }

  /** Makes names and metadata of checkouts durable; the contents of linked files are so already. */
  syncStoreDirectory(): void {
    const { fileSystem: fs } = this.blobs.folder;
    const fd = fs.openSync(this.realStoreDir, 'r');
    try {
      fs.syncFileSystem(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.earlyCommits[Symbol.asyncDispose]();
    this.temporaryRoots[Symbol.dispose]();
    await this.blobs[Symbol.asyncDispose]();
    await this.overlay?.lower[Symbol.asyncDispose]();
  }
}

/** SQLite would not say so before the first change. */
function requireWritableFolder(folder: string): void {
  try {
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    const advice =
      'This command may have been run as non-root in a single-user Nix installation,\nor the Nix daemon may have crashed.';
    throw new StoreError('store/read-only', `cannot write to '${folder}': ${systemErrorText(cause)}\n${advice}`, {
      cause,
    });
  }
}
