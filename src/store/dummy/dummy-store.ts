import type { TreeSink } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import type { DerivationOutputId, PathInfo, RealisedOutput, StoreDir, StorePath } from '../../nix-compat/index.ts';
import type { PathIndex, PathWriter, Store, StreamPathOptions, TreeAccess } from '../store.ts';
import type { StoreTraits } from '../store-parameters.ts';
import type { TrustPolicy } from '../trust-policy.ts';
import { MemoryContents } from './memory-contents.ts';

export interface DummyStoreOptions extends StoreTraits {
  readonly uri: string;
  /** Whether nothing can be added: a store that has nothing. */
  readonly readOnly: boolean;
  readonly trust: TrustPolicy;
}

/** The store that has nothing at first, and what it is given for as long as it is open. */
export class DummyStore implements Store {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly priority: number;
  readonly wantMassQuery: boolean;
  readonly isTrusted: boolean;
  readonly index: PathIndex;
  readonly writer: PathWriter | undefined;
  readonly #contents: MemoryContents;

  constructor(options: DummyStoreOptions) {
    const { storeDir, trust } = options;
    this.uri = options.uri;
    this.storeDir = storeDir;
    this.priority = options.priority ?? 0;
    this.wantMassQuery = options.wantMassQuery ?? false;
    this.isTrusted = options.isTrusted;
    this.#contents = new MemoryContents({
      storeDir,
      requireSignatures: trust.requireSignatures,
      get trustedKeys() {
        return trust.trustedKeys;
      },
    });
    this.index = this.#contents;
    this.writer = options.readOnly ? undefined : this.#contents;
  }

  async pathInfo(path: StorePath, { signal }: CallOptions = {}): Promise<PathInfo | undefined> {
    signal?.throwIfAborted();
    return this.#contents.pathInfo(path);
  }

  async pathFromHashPart(hashPart: string, { signal }: CallOptions = {}): Promise<StorePath | undefined> {
    signal?.throwIfAborted();
    return this.#contents.pathFromHashPart(hashPart);
  }

  async validPaths(paths: Iterable<StorePath>, { signal }: CallOptions = {}): Promise<Set<StorePath>> {
    signal?.throwIfAborted();
    return this.#contents.validPaths(paths);
  }

  streamPath(path: StorePath, sink: TreeSink, options: StreamPathOptions = {}): Promise<void> {
    return this.#contents.streamPath(path, sink, options);
  }

  async openTree(path: StorePath, { signal }: CallOptions = {}): Promise<TreeAccess> {
    signal?.throwIfAborted();
    return this.#contents.openTree(path);
  }

  async realisation(id: DerivationOutputId, { signal }: CallOptions = {}): Promise<RealisedOutput | undefined> {
    signal?.throwIfAborted();
    return this.#contents.realisation(id);
  }

  async buildLog(path: StorePath, { signal }: CallOptions = {}): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    return this.#contents.buildLog(path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
