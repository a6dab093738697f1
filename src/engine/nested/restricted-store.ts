import { displayBytes } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type PathInfo,
  type RealisedOutput,
  type StoreDir,
  type StorePath,
  formatOutputId,
  printStorePath,
} from '../../nix-compat/index.ts';
import {
  type AddPathsOptions,
  type AdditionFailure,
  type Collector,
  type LocalStore,
  type OrderedAdding,
  type OrderedAddingOptions,
  type PathAddition,
  type PathIndex,
  type PathWriter,
  type Store,
  StoreError,
  type StreamPathOptions,
  type TreeAccess,
} from '../../store/index.ts';
import type { TreeSink } from '../../base/index.ts';

/** What a builder knows of the store that it is built in. */
export interface KnownPaths {
  has(path: StorePath): boolean;
  all(): Iterable<StorePath>;
  hasOutput(id: string): boolean;
  /** Throws as `NestedStore.learn`. */
  learn(paths: Iterable<StorePath>): Promise<void>;
}

/**
 * The store as a builder may see it: what it was given and what it has added, without anything that would tell when or by
 * whom something was made.
 */
export class RestrictedStore implements Store {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly priority = 0;
  readonly wantMassQuery = false;
  readonly isTrusted = false;
  readonly index: PathIndex;
  readonly writer: PathWriter;
  readonly collector: Collector = keepsNothing;
  readonly #store: LocalStore;
  readonly #known: KnownPaths;

  constructor(store: LocalStore, known: KnownPaths) {
    this.uri = store.uri;
    this.storeDir = store.storeDir;
    this.#store = store;
    this.#known = known;
    this.index = {
      allPaths: () => Promise.resolve([...known.all()].toSorted()),
      referrers: () => Promise.resolve([]),
      validDerivers: () => Promise.resolve([]),
    };
    this.writer = {
      add: (additions, options) => this.#add(additions, options),
      beginAdding: options => this.#beginAdding(options),
      addSignatures: () => Promise.reject(this.#unsupported('addSignatures')),
      addRealisation: () => Promise.reject(this.#unsupported('registerDrvOutput')),
      addBuildLog: () => Promise.reject(this.#unsupported('addBuildLog')),
    };
  }

  async pathInfo(path: StorePath, options?: CallOptions): Promise<PathInfo | undefined> {
    if (!this.#known.has(path)) return undefined;
    const info = await this.#store.pathInfo(path, options);
    if (info === undefined) return undefined;
    const { narHash, narSize, references, contentAddress } = info;
    const address = contentAddress === undefined ? {} : { contentAddress };
    return { path, narHash, narSize, references, signatures: [], ...address };
  }

  pathFromHashPart(): Promise<undefined> {
    return Promise.reject(this.#unsupported('queryPathFromHashPart'));
  }

  validPaths(paths: Iterable<StorePath>, options?: CallOptions): Promise<Set<StorePath>> {
    return this.#store.validPaths(
      [...paths].filter(path => this.#known.has(path)),
      options,
    );
  }

  async streamPath(path: StorePath, sink: TreeSink, options?: StreamPathOptions): Promise<void> {
    this.#require(path, 'dump');
    await this.#store.streamPath(path, sink, options);
  }

  async openTree(path: StorePath, options?: CallOptions): Promise<TreeAccess> {
    this.#require(path, 'read');
    return this.#store.openTree(path, options);
  }

  /** Of what the builder has had built: what else was built before depends on who else uses the store. */
  realisation(id: DerivationOutputId, options?: CallOptions): Promise<RealisedOutput | undefined> {
    if (!this.#known.hasOutput(formatOutputId(id))) return Promise.resolve(undefined);
    return this.#store.realisation(id, options);
  }

  buildLog(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async #add(additions: readonly PathAddition[], options: AddPathsOptions = {}): Promise<AdditionFailure[]> {
    if (options.repair === true) throw this.#unsupported('repairing paths');
    const added = new Set<StorePath>();
    const offered = new Set(additions.map(({ path }) => path));
    for (const { path, offers } of additions)
      for (const { info } of offers)
        for (const reference of info.references)
          if (!offered.has(reference) && !this.#known.has(reference)) this.#refuseReference(path, reference);
    const failures = await this.#store.writer.add(additions, {
      ...options,
      checkSignatures: true,
      added: path => {
        added.add(path);
        options.added?.(path);
      },
    });
    const failed = new Set(failures.map(({ path }) => path));
    // What was valid before is skipped: it is no secret to whoever has its contents.
    await this.#known.learn([...offered].filter(path => added.has(path) || !failed.has(path)));
    return failures;
  }

  #beginAdding(options: OrderedAddingOptions): OrderedAdding {
    if (options.repair) throw this.#unsupported('repairing paths');
    const adding = this.#store.writer.beginAdding({ ...options, checkSignatures: true });
    const added = new Set<StorePath>();
    return {
      add: async offer => {
        const { path, references } = offer.info;
        for (const reference of references)
          if (reference !== path && !added.has(reference) && !this.#known.has(reference))
            this.#refuseReference(path, reference);
        await adding.add(offer);
        added.add(path);
      },
      commit: async () => {
        await adding.commit();
        await this.#known.learn(added);
      },
      [Symbol.asyncDispose]: () => adding[Symbol.asyncDispose](),
    };
  }

  #refuseReference(path: StorePath, reference: StorePath): never {
    const [shown, other] = [path, reference].map(each => displayBytes(printStorePath(this.storeDir, each)));
    throw new StoreError(
      'path/missing-reference',
      `cannot add '${shown}': it refers to '${other}', which is unknown in recursive Nix; add that first`,
    );
  }

  #require(path: StorePath, doing: string): void {
    if (this.#known.has(path)) return;
    const shown = displayBytes(printStorePath(this.storeDir, path));
    throw new StoreError('path/invalid', `cannot ${doing} unknown path '${shown}' in recursive Nix`);
  }

  #unsupported(operation: string): StoreError {
    return new StoreError(
      'store/unsupported',
      `operation '${operation}' is not supported by store '${this.uri}' in recursive Nix`,
    );
  }

  /** The store stays its owner's. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What a builder knows is kept as long as it runs, and nothing of it longer. */
const keepsNothing: Collector = {
  findRoots: () => Promise.resolve([]),
  liveness: () => Promise.resolve({ live: [], dead: [] }),
  collect: () => Promise.resolve({ paths: [], bytesFreed: 0 }),
  addTemporaryRoots: () => Promise.resolve(),
  addIndirectRoot: () => Promise.resolve(),
  registerIndirectRoot: () => Promise.resolve(),
};
