import { type Reporter, type TreeSink, ignoreTree, mapConcurrent, teeTree } from '../../base/index.ts';
import { type CallOptions, streamTree } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type PathInfo,
  type RealisedOutput,
  type SecretKey,
  type StoreDir,
  type StorePath,
  equalHashes,
  findNotNix32,
  formatHash,
  printStorePath,
  storePathHashLength,
} from '../../nix-compat/index.ts';
import {
  BlobTree,
  type KeeperInfo,
  type LazyTrees,
  NarHasher,
  type PathWriter,
  type Store,
  StoreError,
  type StreamPathOptions,
  type TreeAccess,
  invalidPath,
} from '../../store/index.ts';
import { RemoteActionCache } from '../client/remote-action-cache.ts';
import { RemoteBlobStore } from '../client/remote-blob-store.ts';
import type { ReapiServer } from '../client/reapi-server.ts';
import { EntryTexts } from './entry-texts.ts';
import { explainFailure } from './explain-failure.ts';
import { type FoundPath, PathEntries } from './path-entries.ts';
import { ReapiLazyTrees } from './reapi-lazy-trees.ts';
import { ReapiWriter } from './reapi-writer.ts';

export interface ReapiStoreOptions {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly priority: number;
  readonly wantMassQuery: boolean;
  readonly isTrusted: boolean;
  readonly pathInfoCacheSize: number;
  readonly secretKeys: readonly SecretKey[];
  /** As of `RemoteBlobStore`. */
  readonly splices: boolean;
  readonly reporter: Reporter;
  /** Disposed of with the store. */
  readonly server: ReapiServer;
}

/** Lookups that are made at a time; the server gets fewer calls. */
const lookupsAtOnce = 64;

/** Blobs that are asked for before their turn: those of one batch and the next. */
const readsAhead = 256;

/** Store paths as results of actions and their trees, in any cache that speaks REAPI (docs/formats/reapi-store.md). */
export class ReapiStore implements Store {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly priority: number;
  readonly wantMassQuery: boolean;
  readonly isTrusted: boolean;
  readonly checksNars = true;
  readonly writer: PathWriter;
  readonly lazyTrees: LazyTrees;
  readonly server: ReapiServer;
  readonly #paths: PathEntries;
  readonly #texts: EntryTexts;
  /** Paths whose trees were found to have the NAR hash that is signed. */
  readonly #verified = new Set<StorePath>();

  constructor(options: ReapiStoreOptions) {
    const { server, storeDir, uri, reporter } = options;
    this.uri = uri;
    this.storeDir = storeDir;
    this.priority = options.priority;
    this.wantMassQuery = options.wantMassQuery;
    this.isTrusted = options.isTrusted;
    this.server = server;
    const blobs = new RemoteBlobStore(server, { splices: options.splices });
    const results = new RemoteActionCache(server);
    const shared = { uri, storeDir, blobs, results, reporter };
    this.#paths = new PathEntries({ ...shared, remembered: options.pathInfoCacheSize });
    this.#texts = new EntryTexts(storeDir, blobs, results);
    this.lazyTrees = new ReapiLazyTrees(this.#paths, blobs);
    const { secretKeys } = options;
    this.writer = new ReapiWriter({ ...shared, server, paths: this.#paths, texts: this.#texts, secretKeys });
  }

  async pathInfo(path: StorePath, options: CallOptions = {}): Promise<PathInfo | undefined> {
    return (await this.#explain(() => this.#paths.find(path, options)))?.info;
  }

  async pathFromHashPart(hashPart: string, options: CallOptions = {}): Promise<StorePath | undefined> {
    if (hashPart.length !== storePathHashLength || findNotNix32(hashPart) >= 0) return undefined;
    return (await this.#explain(() => this.#paths.findByHashPart(hashPart, options)))?.info.path;
  }

  async validPaths(paths: Iterable<StorePath>, options: CallOptions = {}): Promise<Set<StorePath>> {
    const limits = { limit: lookupsAtOnce, signal: options.signal };
    const found = await mapConcurrent(paths, limits, async (path, signal) => {
      return (await this.pathInfo(path, { signal })) === undefined ? [] : [path];
    });
    return new Set(found.flat());
  }

  /** Asks the server what it can do, which shows that it is there. */
  async keeper(options: CallOptions = {}): Promise<KeeperInfo> {
    await this.#explain(() => this.server.traits(options));
    return { version: undefined, trustsUs: undefined };
  }

  streamPath(path: StorePath, sink: TreeSink, options: StreamPathOptions = {}): Promise<void> {
    return this.#explain(async () => this.#stream(await this.#paths.require(path, options), sink, options));
  }

  /** Nobody signs trees: one of a cache that is not trusted is read whole before anything of it is given. */
  openTree(path: StorePath, options: CallOptions = {}): Promise<TreeAccess> {
    return this.#explain(() => this.#openTree(path, options));
  }

  async #openTree(path: StorePath, options: CallOptions): Promise<TreeAccess> {
    const found = await this.#paths.require(path, options);
    if (!this.isTrusted && !this.#verified.has(path)) {
      await this.#stream(found, ignoreTree, options);
      this.#verified.add(path);
    }
    const opened = await this.#paths.open(found, options);
    if (opened === undefined) throw invalidPath(this.storeDir, path);
    return new BlobTree(opened.blobs, opened.root, printStorePath(this.storeDir, path));
  }

  realisation(id: DerivationOutputId, options: CallOptions = {}): Promise<RealisedOutput | undefined> {
    return this.#explain(() => this.#texts.realisation(id, options));
  }

  buildLog(path: StorePath, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    return this.#explain(() => this.#texts.buildLog(path, options));
  }

  #explain<T>(work: () => Promise<T>): Promise<T> {
    return explainFailure(this.uri, work);
  }

  async #stream(found: FoundPath, sink: TreeSink, options: StreamPathOptions): Promise<void> {
    const { info } = found;
    const { signal, drain, expected = info } = options;
    const opened = await this.#paths.open(found, { signal });
    if (opened === undefined) throw invalidPath(this.storeDir, info.path);
    const hasher = new NarHasher();
    await streamTree(opened.blobs, opened.root, teeTree(hasher.sink, sink), {
      signal,
      concurrency: readsAhead,
      ...(drain === undefined ? {} : { drain }),
    });
    const narHash = hasher.finish();
    if (equalHashes(narHash, expected.narHash) && [0, hasher.size].includes(expected.narSize)) return;
    const [specified, got] = [expected.narHash, narHash].map(hash => formatHash(hash, 'nix32', { prefix: true }));
    const message = `hash mismatch importing path '${printStorePath(this.storeDir, info.path)}';\n  specified: ${specified}\n  got:       ${got}`;
    throw new StoreError('path/hash-mismatch', message);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}
