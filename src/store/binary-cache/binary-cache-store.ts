import { type Reporter, type TreeSink, byteStringOf, mapConcurrent, messageOf } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type NarInfo,
  type NarListing,
  NixCompatError,
  type PathInfo,
  type RealisedOutput,
  type StoreDir,
  type StorePath,
  findNotNix32,
  parseListing,
  storePathHashLength,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { downloadSizeOf } from '../download-size.ts';
import type { LazyTrees, PathIndex, PathWriter, Store, StreamPathOptions, TreeAccess, TreePath } from '../store.ts';
import { BinaryCacheWriter } from './binary-cache-writer.ts';
import { CacheIndex } from './cache-index.ts';
import { CacheLookups, type CacheLookupsOptions } from './cache-lookups.ts';
import type { CacheParameters } from './cache-parameters.ts';
import type { CacheTransport, GetFileOptions } from './cache-transport.ts';
import { FetchedNars } from './fetched-nars.ts';
import { FilesAhead } from './files-ahead.ts';
import type { ByteRange } from '../file-chunks.ts';
import { NarTree, isReadable, lookupListed } from './nar-tree.ts';
import { NarMemory } from './nar-memory.ts';
import { type NarFile, type UseWhole, receiveNar } from './receive-nar.ts';

/** Bytes of the largest listing of a NAR that is read; without one the NAR itself is. */
const maxListingSize = 64 * 1024 * 1024;

/** Bytes of the largest build log that is read, not compressed. */
const maxBuildLogSize = 256 * 1024 * 1024;

/** Lookups that are asked for at a time; a transport may do fewer. */
const lookupsAtOnce = 128;

export interface BinaryCacheOptions extends CacheLookupsOptions {
  readonly priority: number;
  readonly wantMassQuery: boolean;
  readonly isTrusted: boolean;
  readonly parameters: CacheParameters;
}

/** Store paths as narinfos and NARs, wherever the transport has them. */
export class BinaryCacheStore implements Store {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly priority: number;
  readonly wantMassQuery: boolean;
  readonly isTrusted: boolean;
  readonly checksNars = true;
  readonly index: PathIndex | undefined;
  readonly writer: PathWriter;
  readonly lazyTrees: LazyTrees;
  readonly #transport: CacheTransport;
  readonly #lookups: CacheLookups;
  readonly #reporter: Reporter;
  readonly #fetched: FetchedNars<NarInfo>;
  readonly #keepsNars: boolean;
  readonly #memory = new NarMemory();
  readonly #ahead: FilesAhead;

  constructor(options: BinaryCacheOptions) {
    this.uri = options.uri;
    this.storeDir = options.storeDir;
    this.priority = options.priority;
    this.wantMassQuery = options.wantMassQuery;
    this.isTrusted = options.isTrusted;
    this.#transport = options.transport;
    this.#ahead = new FilesAhead((path, get) => this.#transport.get(path, get));
    this.#lookups = new CacheLookups(options);
    this.writer = new BinaryCacheWriter({ ...options, lookups: this.#lookups });
    this.#reporter = options.reporter;
    this.lazyTrees = {
      claim: (path, lookup) => this.#lookups.rootClaim(path, lookup),
      open: ({ hash }, { signal } = {}) => this.#transport.open(`cas/${hash}`, { signal }),
    };
    this.#keepsNars = options.parameters.localNarCache !== undefined;
    if (options.transport.list !== undefined) {
      this.index = new CacheIndex(options.transport, (hashPart, lookup) => this.#lookups.narInfo(hashPart, lookup));
    }
    this.#fetched = new FetchedNars(
      (info, { sink, observe }, { signal }) => this.#receive(info, sink, { observe, signal }),
      options.parameters.localNarCache,
      options.reporter,
    );
  }

  pathInfo(path: StorePath, options: CallOptions = {}): Promise<NarInfo | undefined> {
    return this.#lookups.pathInfo(path, options);
  }

  expect(info: PathInfo): void {
    if (!this.#transport.isFar || !('url' in info) || typeof info.url !== 'string') return;
    this.#ahead.begin(info.url, downloadSizeOf(info) || info.narSize);
  }

  async pathFromHashPart(hashPart: string, options: CallOptions = {}): Promise<StorePath | undefined> {
    // It becomes the name of a file.
    if (hashPart.length !== storePathHashLength || findNotNix32(hashPart) >= 0) return undefined;
    return (await this.#lookups.narInfo(hashPart, options))?.path;
  }

  async validPaths(paths: Iterable<StorePath>, options: CallOptions = {}): Promise<Set<StorePath>> {
    const limits = { limit: lookupsAtOnce, signal: options.signal };
    const found = await mapConcurrent(paths, limits, async (path, signal) => {
      return (await this.pathInfo(path, { signal })) === undefined ? [] : [path];
    });
    return new Set(found.flat());
  }

  async streamPath(path: StorePath, sink: TreeSink, options: StreamPathOptions = {}): Promise<void> {
    const info = await this.#lookups.requireInfo(path, options);
    const { narHash, narSize } = options.expected ?? info;
    await this.#receive({ ...info, narHash, narSize }, sink, options);
  }

  async openTree(path: StorePath, options: CallOptions = {}): Promise<TreeAccess> {
    const info = await this.#lookups.requireInfo(path, options);
    const listing = await this.#listing(info, options);
    if (listing === undefined) return this.#fetched.openTree(info, options);
    if (info.compression === 'none' && !this.#keepsNars) {
      return new NarTree(listing, (range, { signal }) => this.#openRange(info.url, range, signal));
    }
    return {
      lookup: inside => Promise.resolve(lookupListed(listing, inside)),
      read: (inside, readOptions) => this.#readFetched(info, inside, readOptions),
    };
  }

  realisation(id: DerivationOutputId, options: CallOptions = {}): Promise<RealisedOutput | undefined> {
    return this.#lookups.realisation(id, options);
  }

  buildLog(path: StorePath, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    return this.#transport.get(`log/${path}`, { limit: maxBuildLogSize, signal: options.signal });
  }

  async *#openRange(url: string, range: ByteRange, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    const file = await this.#transport.open(url, { range, signal });
    if (file === undefined) throw this.#missingFile(url);
    yield* file;
  }

  async *#readFetched(info: NarInfo, path: TreePath, options: CallOptions = {}): AsyncIterable<Uint8Array> {
    const tree = await this.#fetched.openTree(info, options);
    yield* tree.read(path, options);
  }

  /** What the cache says is in the NAR, which spares fetching it; nobody signs that. */
  async #listing(info: NarInfo, { signal }: CallOptions): Promise<NarListing | undefined> {
    const name = `${storePathHashPart(info.path)}.ls`;
    const bytes = await this.#transport.get(name, { limit: maxListingSize, signal });
    if (bytes === undefined) return undefined;
    try {
      const listing = parseListing(byteStringOf(bytes), maxListingSize);
      if (isReadable(listing, info.narSize)) return listing;
      this.#reporter.log('debug', `'${name}' of '${this.uri}' does not fit its NAR`);
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      this.#reporter.log('debug', `ignoring '${name}' of '${this.uri}': ${messageOf(error)}`);
    }
    return undefined;
  }

  async #receive(
    info: NarInfo,
    sink: TreeSink,
    options: StreamPathOptions & { readonly observe?: (chunk: Uint8Array) => void },
  ): Promise<void> {
    const file: NarFile = {
      open: async signal => {
        const ahead = await this.#ahead.take(info.url);
        if (ahead !== undefined) return onePiece(ahead);
        const chunks = await this.#transport.open(info.url, { signal });
        if (chunks === undefined) throw this.#missingFile(info.url);
        return chunks;
      },
      whole: (limit, use) => this.#readWhole(info.url, { limit, signal: options.signal }, use),
    };
    await receiveNar(info, file, sink, { ...options, storeDir: this.storeDir });
  }

  async #readWhole(url: string, options: GetFileOptions, use: UseWhole): Promise<void> {
    const lent: Buffer[] = [];
    const memory = (size: number) => {
      const taken = this.#memory.take(size);
      lent.push(taken);
      return taken;
    };
    try {
      const bytes = (await this.#ahead.take(url)) ?? (await this.#transport.get(url, { ...options, memory }));
      if (bytes === undefined) throw this.#missingFile(url);
      await use(bytes, memory);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'cache/file-too-large')) throw error;
      await use(undefined, memory);
    }
    // Not where it failed: somebody may still be writing there.
    for (const taken of lent) this.#memory.giveBack(taken);
  }

  #missingFile(path: string): StoreError {
    const message = `file '${path}' does not exist in binary cache '${this.uri}'`;
    return new StoreError('cache/missing-file', message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ahead[Symbol.dispose]();
    await this.#fetched[Symbol.asyncDispose]();
    this.#lookups[Symbol.dispose]();
    await this.#transport[Symbol.asyncDispose]();
  }
}

async function* onePiece(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
