import { join } from 'node:path';
import type { TreeSink } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import type { DerivationOutputId, PathInfo, RealisedOutput, StoreDir, StorePath } from '../../nix-compat/index.ts';
import { DiskTree } from '../daemon/disk-tree.ts';
import { readBuildLog } from '../local/build-log.ts';
import { requirePathInfo } from '../require-path-info.ts';
import type { KnownOutputs, PathIndex, Store, StreamPathOptions, TreeAccess } from '../store.ts';
import { streamPlace } from '../stream-place.ts';
import { NixTables } from './nix-tables.ts';

export interface NixTablesStoreOptions {
  readonly uri: string;
  readonly storeDir: StoreDir;
  /** Where its paths are: absolute. */
  readonly realStoreDir: string;
  /** Where C++ Nix keeps its state (`/nix/var/nix`): absolute. */
  readonly stateDir: string;
  readonly logDir: string;
}

/** A store of C++ Nix's on this machine, read without its daemon, and never changed. */
export class NixTablesStore implements Store, PathIndex {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly realStoreDir: string;
  readonly priority = 0;
  readonly wantMassQuery = false;
  readonly isTrusted = false;
  readonly checksNars = true;
  readonly index: PathIndex;
  readonly #logDir: string;
  readonly #tables: NixTables;

  /** Throws `data-folder/unusable`. */
  constructor({ uri, storeDir, realStoreDir, stateDir, logDir }: NixTablesStoreOptions) {
    this.uri = uri;
    this.storeDir = storeDir;
    this.realStoreDir = realStoreDir;
    this.index = this;
    this.#logDir = logDir;
    this.#tables = new NixTables(join(stateDir, 'db', 'db.sqlite'), storeDir);
  }

  async pathInfo(path: StorePath, { signal }: CallOptions = {}): Promise<PathInfo | undefined> {
    signal?.throwIfAborted();
    return this.#tables.find(path);
  }

  async pathFromHashPart(hashPart: string, { signal }: CallOptions = {}): Promise<StorePath | undefined> {
    signal?.throwIfAborted();
    return this.#tables.findByHashPart(hashPart);
  }

  async validPaths(paths: Iterable<StorePath>, { signal }: CallOptions = {}): Promise<Set<StorePath>> {
    signal?.throwIfAborted();
    return this.#tables.validOf(paths);
  }

  async knownOutputs(derivations: Iterable<StorePath>, { signal }: CallOptions = {}): Promise<KnownOutputs> {
    signal?.throwIfAborted();
    return this.#tables.knownOutputsOf(derivations);
  }

  async streamPath(path: StorePath, sink: TreeSink, options: StreamPathOptions = {}): Promise<void> {
    const info = await requirePathInfo(this, path, { signal: options.signal });
    await streamPlace(this, { info: { ...info, ...options.expected }, place: this.#placeOf(path), sink }, options);
  }

  async openTree(path: StorePath, options: CallOptions = {}): Promise<TreeAccess> {
    await requirePathInfo(this, path, options);
    return new DiskTree(this.#placeOf(path));
  }

  async realisation(id: DerivationOutputId, { signal }: CallOptions = {}): Promise<RealisedOutput | undefined> {
    signal?.throwIfAborted();
    return this.#tables.realisation(id);
  }

  async buildLog(path: StorePath, { signal }: CallOptions = {}): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    return readBuildLog(this.#logDir, path);
  }

  async allPaths({ signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return this.#tables.all();
  }

  async referrers(path: StorePath, { signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return this.#tables.referrers(path);
  }

  async validDerivers(path: StorePath, { signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return this.#tables.validDerivers(path);
  }

  #placeOf(path: StorePath): string {
    return join(this.realStoreDir, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tables[Symbol.dispose]();
  }
}
