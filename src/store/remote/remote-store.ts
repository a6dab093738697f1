import { QuestionBatches, type Reporter, type TreeSink } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type BuildResult,
  type DerivationOutputId,
  Hasher,
  type PathInfo,
  type RealisedOutput,
  type StoreDir,
  type StorePath,
  equalHashes,
  formatHash,
  printStorePath,
} from '../../nix-compat/index.ts';
import { FetchedNars } from '../binary-cache/fetched-nars.ts';
import { StoreError } from '../error.ts';
import { requirePathInfo } from '../require-path-info.ts';
import type { StoreTraits } from '../store-parameters.ts';
import type { KeeperInfo, PathWriter, Store, StreamPathOptions, TreeAccess, ValidPathsOptions } from '../store.ts';
import { ConnectionPool } from './connection-pool.ts';
import { NarQueue } from './nar-queue.ts';
import type { PeerConnection, RemoteBuild } from './peer-connection.ts';
import { RemoteWriter } from './remote-writer.ts';
import { unsupportedOperation } from '../unsupported-operation.ts';

export interface RemoteStoreOptions<Connection extends PeerConnection> {
  readonly uri: string;
  readonly traits: StoreTraits;
  readonly maxConnections: number;
  readonly reporter: Reporter;
  readonly connect: (signal: AbortSignal | undefined) => Promise<Connection>;
  /** What goes with the store. */
  readonly resources: AsyncDisposable;
}

/** A store that another process keeps, on this machine or another, in whichever protocol its connections speak. */
export class RemoteStore<Connection extends PeerConnection = PeerConnection> implements Store {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly realStoreDir: string | undefined = undefined;
  readonly priority: number;
  readonly wantMassQuery: boolean;
  readonly isTrusted: boolean;
  readonly checksNars = true;
  readonly writer: PathWriter;
  protected readonly pool: ConnectionPool<Connection>;
  /** A closure takes as many requests as it is deep, not as many as it has paths. */
  readonly #infos: QuestionBatches<StorePath, PathInfo>;
  readonly #fetched: FetchedNars<PathInfo>;
  readonly #resources: AsyncDisposable;
  readonly #nars: NarQueue;

  constructor(options: RemoteStoreOptions<Connection>) {
    const { traits, reporter } = options;
    this.uri = options.uri;
    this.storeDir = traits.storeDir;
    this.priority = traits.priority ?? 0;
    this.wantMassQuery = traits.wantMassQuery ?? false;
    this.isTrusted = traits.isTrusted;
    this.pool = new ConnectionPool(options.connect, options.maxConnections);
    this.#nars = new NarQueue(this.pool, options.maxConnections);
    this.#infos = new QuestionBatches(paths => this.pool.use(connection => connection.pathInfos(paths)), {
      isSlow: true,
    });
    this.writer = new RemoteWriter({
      uri: this.uri,
      storeDir: this.storeDir,
      pool: this.pool,
      reporter,
      maxConnections: options.maxConnections,
    });
    this.#fetched = new FetchedNars(
      (info, { sink, observe }, { signal }) =>
        this.#receive(info, { sink, observe, signal, drain: () => Promise.resolve() }),
      undefined,
      reporter,
    );
    this.#resources = options.resources;
  }

  keeper(options: CallOptions = {}): Promise<KeeperInfo> {
    return this.pool.use(({ keeper }) => Promise.resolve(keeper), options);
  }

  async pathInfo(path: StorePath, { signal }: CallOptions = {}): Promise<PathInfo | undefined> {
    signal?.throwIfAborted();
    const asked = this.#infos.find(path);
    if (signal === undefined) return asked;
    // Others may have asked, too, and still wait.
    const { promise, reject } = Promise.withResolvers<undefined>();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      return await Promise.race([asked, promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async pathFromHashPart(hashPart: string, options: CallOptions = {}): Promise<StorePath | undefined> {
    return this.pool.use(connection => {
      if (connection.pathFromHashPart !== undefined) return connection.pathFromHashPart(hashPart);
      throw unsupportedOperation(this.uri, 'queryPathFromHashPart');
    }, options);
  }

  async validPaths(paths: Iterable<StorePath>, options: ValidPathsOptions = {}): Promise<Set<StorePath>> {
    const wanted = new Set(paths);
    if (wanted.size === 0) return wanted;
    return this.pool.use(connection => connection.validPaths(wanted, options.substitute === true), options);
  }

  async streamPath(path: StorePath, sink: TreeSink, options: StreamPathOptions = {}): Promise<void> {
    const { signal, drain = () => Promise.resolve() } = options;
    const { narHash, narSize } = options.expected ?? (await requirePathInfo(this, path, { signal }));
    await this.#receive({ path, narHash, narSize }, { sink, observe: () => {}, drain, signal });
  }

  async openTree(path: StorePath, options: CallOptions = {}): Promise<TreeAccess> {
    return this.#fetched.openTree(await requirePathInfo(this, path, options), options);
  }

  /** Who speaks a protocol without them knows of none. */
  async realisation(id: DerivationOutputId, options: CallOptions = {}): Promise<RealisedOutput | undefined> {
    return this.pool.use(connection => connection.realisation?.(id) ?? Promise.resolve(undefined), options);
  }

  /**
   * Has the other side build a derivation: what becomes of it. What it tells of that meanwhile, if it tells anything, is
   * reported to `reporter`. When the signal is aborted, the build is. Throws `store/unsupported`, `remote/…`.
   */
  build(build: RemoteBuild, reporter: Reporter, options: CallOptions = {}): Promise<BuildResult> {
    return this.pool.use(connection => {
      if (connection.build !== undefined) return connection.build(build, reporter);
      throw unsupportedOperation(this.uri, 'buildDerivation');
    }, options);
  }

  /** Neither protocol has a request for logs. */
  buildLog(_path: StorePath): Promise<Uint8Array | undefined> {
    return Promise.resolve(undefined);
  }

  /** Throws `path/hash-mismatch` where hash or size turn out to be others, after the last event if it is the hash. */
  async #receive(
    { path, narHash, narSize }: Pick<PathInfo, 'path' | 'narHash' | 'narSize'>,
    { sink, observe, drain, signal }: Receiving,
  ): Promise<void> {
    const name = printStorePath(this.storeDir, path);
    const mismatch = (what: 'hash' | 'size', specified: string, got: string) => {
      const message = `${what} mismatch importing path '${name}';\n  specified: ${specified}\n  got:       ${got}`;
      return new StoreError('path/hash-mismatch', message);
    };
    const hasher = new Hasher(narHash.algorithm);
    const take = (chunk: Uint8Array) => {
      hasher.update(chunk);
      if (hasher.size > narSize) throw mismatch('size', String(narSize), `at least ${hasher.size}`);
      observe(chunk);
    };
    await this.#nars.receive(path, { sink, observe: take, drain }, { signal });
    if (hasher.size !== narSize) throw mismatch('size', String(narSize), String(hasher.size));
    const got = hasher.finish();
    if (equalHashes(got, narHash)) return;
    const show = (hash: typeof got) => formatHash(hash, 'nix32', { prefix: true });
    throw mismatch('hash', show(narHash), show(got));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fetched[Symbol.asyncDispose]();
    await this.pool[Symbol.asyncDispose]();
    await this.#resources[Symbol.asyncDispose]();
  }
}

interface Receiving extends CallOptions {
  readonly sink: TreeSink;
  readonly observe: (chunk: Uint8Array) => void;
  readonly drain: () => Promise<void>;
}
