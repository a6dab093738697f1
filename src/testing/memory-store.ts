import { type TreeSink, ignoreTree, teeTree } from '../base/index.ts';
import {
  type DerivationOutputId,
  type PathInfo,
  type Realisation,
  type RealisedOutput,
  type Signature,
  type StoreDir,
  type StorePath,
  compareStorePaths,
  defaultStoreDir,
  encodeNix32,
  equalHashes,
  formatOutputId,
  hashBytes,
  joinStorePath,
  sortSignatures,
  storePathHashPart,
} from '../nix-compat/index.ts';
import {
  type AddPathsOptions,
  type AdditionFailure,
  NarHasher,
  type PathAddition,
  type PathOffer,
  type PathWriter,
  type Store,
  StoreError,
  type StreamPathOptions,
  type TreeAccess,
} from '../store/index.ts';

export interface MemoryStoreOptions {
  readonly uri?: string;
  readonly storeDir?: StoreDir;
  readonly priority?: number;
  readonly isTrusted?: boolean;
  /** True unless given. */
  readonly wantMassQuery?: boolean;
}

/** A store in memory whose paths are single files. What is done with it can be watched and made to fail. */
export class MemoryStore implements Store {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly priority: number;
  readonly isTrusted: boolean;
  readonly wantMassQuery: boolean;
  readonly writer: PathWriter;
  readonly infos = new Map<StorePath, PathInfo>();
  readonly contents = new Map<StorePath, Uint8Array>();
  /** By output id. */
  readonly realisations = new Map<string, RealisedOutput>();
  /** Paths whose infos were asked for, in this order. */
  readonly asked: StorePath[] = [];
  /** Paths that were streamed, in this order. */
  readonly streamed: StorePath[] = [];
  /** What asking for the info of a path throws. */
  readonly infoErrors = new Map<StorePath, Error>();
  /** What streaming a path throws, at its end. */
  readonly streamErrors = new Map<StorePath, Error>();

  constructor(options: MemoryStoreOptions = {}) {
    const { uri = 'memory://', storeDir = defaultStoreDir, priority = 0, isTrusted = false } = options;
    this.uri = uri;
    this.storeDir = storeDir;
    this.priority = priority;
    this.isTrusted = isTrusted;
    this.wantMassQuery = options.wantMassQuery ?? true;
    this.writer = new MemoryWriter(this);
  }

  /** Makes a path valid that is a file with its name in it. */
  put(name: string, references: readonly StorePath[] = [], more: Partial<PathInfo> = {}): StorePath {
    const path = more.path ?? testPath(name);
    const contents = Buffer.from(name);
    const hasher = new NarHasher();
    sendFile(contents, hasher.sink);
    this.contents.set(path, contents);
    this.infos.set(path, {
      path,
      narHash: hasher.finish(),
      narSize: hasher.size,
      references: references.toSorted(compareStorePaths),
      signatures: [],
      ...more,
    });
    return path;
  }

  pathInfo(path: StorePath): Promise<PathInfo | undefined> {
    this.asked.push(path);
    const error = this.infoErrors.get(path);
    return error === undefined ? Promise.resolve(this.infos.get(path)) : Promise.reject(error);
  }

  pathFromHashPart(hashPart: string): Promise<StorePath | undefined> {
    return Promise.resolve([...this.infos.keys()].find(path => storePathHashPart(path) === hashPart));
  }

  validPaths(paths: Iterable<StorePath>): Promise<Set<StorePath>> {
    return Promise.resolve(new Set([...paths].filter(path => this.infos.has(path))));
  }

  async streamPath(path: StorePath, sink: TreeSink, { drain }: StreamPathOptions = {}): Promise<void> {
    const contents = this.contents.get(path);
    if (contents === undefined) throw new StoreError('path/invalid', `path '${path}' is not valid`);
    this.streamed.push(path);
    sendFile(contents, sink);
    await drain?.();
    const error = this.streamErrors.get(path);
    if (error !== undefined) throw error;
  }

  openTree(): Promise<TreeAccess> {
    return Promise.reject(new StoreError('store/unsupported', 'not here'));
  }

  realisation(id: DerivationOutputId): Promise<RealisedOutput | undefined> {
    return Promise.resolve(this.realisations.get(formatOutputId(id)));
  }

  buildLog(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryWriter implements PathWriter {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async add(additions: readonly PathAddition[], options: AddPathsOptions = {}): Promise<AdditionFailure[]> {
    const failures: AdditionFailure[] = [];
    const pending = new Map(additions.map(addition => [addition.path, addition]));
    const addOne = async (addition: PathAddition): Promise<void> => {
      pending.delete(addition.path);
      try {
        for (const { info } of addition.offers) {
          for (const reference of info.references) {
            const before = pending.get(reference);
            if (before !== undefined) await addOne(before);
          }
        }
        if (this.#store.infos.has(addition.path) && options.repair !== true) return;
        await this.#take(addition);
        options.added?.(addition.path);
      } catch (error) {
        if (options.keepGoing !== true || !(error instanceof Error)) throw error;
        failures.push({ path: addition.path, error });
      }
    };
    for (const addition of additions) if (pending.has(addition.path)) await addOne(addition);
    return failures;
  }

  async #take({ offers }: PathAddition): Promise<void> {
    let failure: unknown;
    for (const offer of offers) {
      try {
        await this.#takeOffer(offer);
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #takeOffer({ info, source }: PathOffer): Promise<void> {
    for (const reference of info.references) {
      if (reference === info.path || this.#store.infos.has(reference)) continue;
      throw new StoreError('path/missing-reference', `'${info.path}' refers to '${reference}'`);
    }
    const hasher = new NarHasher();
    const chunks: Uint8Array[] = [];
    const file = { ...ignoreTree, fileData: (chunk: Uint8Array) => void chunks.push(chunk.slice()) };
    await source(teeTree(hasher.sink, file), () => Promise.resolve());
    if (!equalHashes(hasher.finish(), info.narHash)) {
      throw new StoreError('path/hash-mismatch', `hash mismatch importing path '${info.path}'`);
    }
    this.#store.infos.set(info.path, info);
    this.#store.contents.set(info.path, Buffer.concat(chunks));
  }

  addSignatures(path: StorePath, signatures: readonly Signature[]): Promise<void> {
    const info = this.#store.infos.get(path);
    if (info === undefined) return Promise.reject(new StoreError('path/invalid', `path '${path}' is not valid`));
    this.#store.infos.set(path, { ...info, signatures: sortSignatures([...info.signatures, ...signatures]) });
    return Promise.resolve();
  }

  addRealisation(realisation: Realisation): Promise<void> {
    this.#store.realisations.set(formatOutputId(realisation.id), realisation);
    return Promise.resolve();
  }

  addBuildLog(): Promise<void> {
    return Promise.resolve();
  }
}

/** A store path that depends on nothing but `name`. */
export function testPath(name: string): StorePath {
  return joinStorePath(encodeNix32(hashBytes('sha256', Buffer.from(name)).digest.subarray(0, 20)), name);
}

function sendFile(contents: Uint8Array, sink: TreeSink): void {
  sink.startFile(false, contents.byteLength);
  if (contents.byteLength > 0) sink.fileData(contents);
  sink.endFile();
}
