import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, type Reporter, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type CallOptions, realFileSystem } from '../../castore/index.ts';
import {
  type BuildMode,
  type DerivingPath,
  type MissingPaths,
  type OutputName,
  type PathInfo,
  type SingleDerivingPath,
  type StoreDir,
  type StorePath,
  type WireReader,
  type WireWriter,
  type WorkerOperation,
  parseStorePathIn,
  readStorePath,
  readStorePaths,
  writeGcOptions,
  writeStorePath,
} from '../../nix-compat/index.ts';
import type { ConnectionPool } from '../remote/connection-pool.ts';
import { RemoteStore, type RemoteStoreOptions } from '../remote/remote-store.ts';
import { readBuildLog } from '../local/build-log.ts';
import { replaceLink } from '../local/roots/add-indirect-root.ts';
import { requirePathInfo } from '../require-path-info.ts';
import type {
  CollectOptions,
  Collected,
  Collector,
  PathIndex,
  StoreRoot,
  TreeAccess,
  TreeSource,
  Upkeep,
} from '../store.ts';
import { unsupportedOperation } from '../unsupported-operation.ts';
import { DiskTree } from './disk-tree.ts';
import type { AddContentsOptions, RemoteResult, WorkerConnection } from './worker-connection.ts';
import { WorkerUpkeep } from './worker-upkeep.ts';

type Pool = ConnectionPool<WorkerConnection>;

export interface WorkerStoreOptions extends RemoteStoreOptions<WorkerConnection> {
  readonly rootMaker: RootMaker;
  /** Where its paths are, of a side whose files we see, if not where they say. */
  readonly realStoreDir?: string | undefined;
  /** Whether links to its paths lead to where these are; to where they say unless given. */
  readonly linksToReal?: boolean;
  /** Where a side whose files we see may keep logs of builds: the protocol has no way to ask for them. */
  readonly logDirs?: readonly string[];
}

/**
 * Who makes links that are roots: we do and tell the other side, which sees the files of this machine; the other side does,
 * whose files we see; or nobody can.
 */
export type RootMaker = 'us' | 'other side' | 'nobody';

export interface RealiseThereOptions extends CallOptions {
  readonly mode?: BuildMode;
  /** Told of what the other side tells meanwhile, in place of the store's. */
  readonly reporter?: Reporter;
}

/** A store that a daemon keeps: it can also list what it has, and collect garbage. */
export class WorkerStore extends RemoteStore<WorkerConnection> {
  readonly index: PathIndex;
  readonly collector: Collector;
  readonly upkeep: Upkeep;
  override readonly realStoreDir: string | undefined;
  readonly #logDirs: readonly string[];

  constructor(options: WorkerStoreOptions) {
    super(options);
    this.realStoreDir = options.rootMaker === 'nobody' ? undefined : (options.realStoreDir ?? this.storeDir);
    this.#logDirs = options.logDirs ?? [];
    this.index = new WorkerIndex(this.pool, this.storeDir);
    this.collector = new WorkerCollector(this.pool, this, options);
    this.upkeep = new WorkerUpkeep(this.pool);
  }

  override async buildLog(path: StorePath): Promise<Uint8Array | undefined> {
    for (const logDir of this.#logDirs) {
      const log = await readBuildLog(logDir, path);
      if (log !== undefined) return log;
    }
    return undefined;
  }

  /** What is on disk is looked at there, if we see it: a daemon of ours may have its paths elsewhere. */
  override async openTree(path: StorePath, options: CallOptions = {}): Promise<TreeAccess> {
    const place = this.realStoreDir === undefined ? undefined : join(this.realStoreDir, path);
    if (place === undefined || lstatSync(place, { throwIfNoEntry: false }) === undefined) {
      return super.openTree(path, options);
    }
    await requirePathInfo(this, path, options);
    return new DiskTree(place);
  }

  /** Has the other side make deriving paths valid: what became of each, failures, too. */
  realise(
    wanted: readonly DerivingPath[],
    { mode = 'normal', signal, reporter }: RealiseThereOptions = {},
  ): Promise<RemoteResult[]> {
    return this.pool.use(connection => connection.realise(wanted, mode, reporter), { signal });
  }

  /** Whether we are a builder of the other side's. */
  servesBuilder(options: CallOptions = {}): Promise<boolean> {
    return this.pool.use(connection => Promise.resolve(connection.isBuilders), options);
  }

  /** As `WorkerConnection.addContents`. */
  addContents(source: TreeSource, options: AddContentsOptions): Promise<PathInfo> {
    return this.pool.use(connection => connection.addContents(source, options), options);
  }

  /** As `WorkerConnection.submit`. */
  submit(path: SingleDerivingPath, output: OutputName, options: CallOptions = {}): Promise<void> {
    return this.pool.use(connection => connection.submit(path, output), options);
  }

  /** What the other side lacks of deriving paths, and would do for them. */
  missing(wanted: readonly DerivingPath[], options: CallOptions = {}): Promise<MissingPaths> {
    return this.pool.use(connection => connection.missing(wanted), options);
  }
}

class WorkerIndex implements PathIndex {
  readonly #pool: Pool;
  readonly #storeDir: StoreDir;

  constructor(pool: Pool, storeDir: StoreDir) {
    this.#pool = pool;
    this.#storeDir = storeDir;
  }

  allPaths(options?: CallOptions): Promise<StorePath[]> {
    return this.#paths('QueryAllValidPaths', () => {}, options);
  }

  referrers(path: StorePath, options?: CallOptions): Promise<StorePath[]> {
    return this.#paths('QueryReferrers', writer => writeStorePath(writer, this.#storeDir, path), options);
  }

  validDerivers(path: StorePath, options?: CallOptions): Promise<StorePath[]> {
    return this.#paths('QueryValidDerivers', writer => writeStorePath(writer, this.#storeDir, path), options);
  }

  async #paths(
    operation: WorkerOperation,
    write: (writer: WireWriter) => void,
    options: CallOptions | undefined,
  ): Promise<StorePath[]> {
    const read = (reader: WireReader) => readStorePaths(reader, this.#storeDir);
    return [...(await this.#pool.use(connection => connection.call(operation, write, read), options))];
  }
}

/** For no limit on what a collection frees. */
const unlimited = 2n ** 64n - 1n;

/** The other side decides what is kept: its settings say whether outputs and derivations are. */
class WorkerCollector implements Collector {
  readonly #pool: Pool;
  readonly #uri: string;
  readonly #storeDir: StoreDir;
  /** Where links to store paths lead. */
  readonly #linkedStoreDir: string;
  readonly #rootMaker: RootMaker;

  constructor(
    pool: Pool,
    { uri, storeDir, realStoreDir = storeDir }: WorkerStore,
    { rootMaker, linksToReal = false }: WorkerStoreOptions,
  ) {
    this.#pool = pool;
    this.#uri = uri;
    this.#storeDir = storeDir;
    this.#linkedStoreDir = linksToReal ? realStoreDir : storeDir;
    this.#rootMaker = rootMaker;
  }

  findRoots(options: CallOptions = {}): Promise<StoreRoot[]> {
    return this.#pool.use(connection => {
      const readRoot = async (reader: WireReader): Promise<StoreRoot> => {
        const holder = displayBytes(await reader.string());
        return { holder, path: await readStorePath(reader, this.#storeDir) };
      };
      return connection.call(
        'FindRoots',
        () => {},
        reader => reader.list(() => readRoot(reader)),
      );
    }, options);
  }

  async liveness(options: CollectOptions = {}): Promise<{ readonly live: StorePath[]; readonly dead: StorePath[] }> {
    const live = await this.#collect('return-live', options);
    const dead = await this.#collect('return-dead', options);
    return { live: [...live.paths], dead: [...dead.paths] };
  }

  async collect(options: CollectOptions = {}): Promise<Collected> {
    const collected = await this.#collect(options.paths === undefined ? 'delete-dead' : 'delete-specific', options);
    options.collected?.(collected);
    return collected;
  }

  /** For as long as the connection is open: it stays so until the store is disposed of, unless something fails. */
  async addTemporaryRoots(paths: Iterable<StorePath>): Promise<void> {
    for (const path of new Set(paths)) {
      await this.#acknowledged('AddTempRoot', writer => writeStorePath(writer, this.#storeDir, path));
    }
  }

  async addIndirectRoot(link: string, path: StorePath): Promise<void> {
    if (this.#rootMaker === 'nobody') throw unsupportedOperation(this.#uri, 'addIndirectRoot');
    if (this.#rootMaker === 'other side') return this.#addPermanentRoot(link, path);
    await this.addTemporaryRoots([path]);
    replaceLink(realFileSystem, link, join(this.#linkedStoreDir, path));
    await this.registerIndirectRoot(link);
  }

  async registerIndirectRoot(link: string): Promise<void> {
    await this.#acknowledged('AddIndirectRoot', writer => writer.string(byteStringFromText(link)));
  }

  async #addPermanentRoot(link: string, path: StorePath): Promise<void> {
    await this.#pool.use(connection =>
      connection.call(
        'AddPermRoot',
        writer => {
          writeStorePath(writer, this.#storeDir, path);
          writer.string(byteStringFromText(link));
        },
        reader => reader.string(),
      ),
    );
  }

  async #acknowledged(operation: WorkerOperation, write: (writer: WireWriter) => void): Promise<void> {
    await this.#pool.use(connection => connection.acknowledged(operation, write));
  }

  #collect(
    action: 'return-live' | 'return-dead' | 'delete-dead' | 'delete-specific',
    { paths = [], ignoreLiveness = false, maxFreed, signal }: CollectOptions,
  ): Promise<Collected> {
    const request = {
      action,
      pathsToDelete: paths,
      ignoreLiveness,
      maxFreed: maxFreed === undefined || !Number.isFinite(maxFreed) ? unlimited : BigInt(Math.trunc(maxFreed)),
    };
    const readCollected = async (reader: WireReader): Promise<Collected> => {
      const texts: ByteString[] = await reader.list(() => reader.string());
      const bytesFreed = await reader.number();
      await reader.number(); // obsolete
      return { paths: texts.map(text => parseStorePathIn(this.#storeDir, text)).toSorted(), bytesFreed };
    };
    return this.#pool.use(
      connection =>
        connection.call('CollectGarbage', writer => writeGcOptions(writer, this.#storeDir, request), readCollected),
      { signal },
    );
  }
}
