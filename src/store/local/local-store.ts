import { closeSync, lstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BlobBatch,
  type BlobStore,
  DiskBlobStore,
  type Node,
  checkoutTree,
  makeFolder,
  realFileSystem,
  removeTree,
  streamTree,
} from '../../castore/index.ts';
import { type TreeSink, syncFileSystem } from '../../base/index.ts';
import { type StoreDir, type StorePath, defaultStoreDir } from '../../nix-compat/index.ts';
import { PathTable, type Registration } from './path-table.ts';
import { lockPath } from './path-lock.ts';
import { storeSchema } from './store-schema.ts';

export interface LocalStoreOptions {
  /** Absolute: docs/formats/data-folder.md. */
  readonly dataFolder: string;
  /** Where store paths are said to be; `/nix/store` unless given. */
  readonly storeDir?: StoreDir;
  /** Where they are: absolute. The same as `storeDir` where it is ours, else a private folder. */
  readonly realStoreDir: string;
}

/**
 * A store on this machine's disk. The trees are in the castore; the store directory holds their checkouts, which are
 * made when a path is added and can be made again from the castore at any time.
 */
export class LocalStore implements AsyncDisposable {
  readonly storeDir: StoreDir;
  readonly realStoreDir: string;
  readonly paths: PathTable;
  readonly #blobs: DiskBlobStore;

  /** Opens or creates it. Throws `data-folder/…` errors and the system's for the store directory. */
  constructor(options: LocalStoreOptions) {
    this.storeDir = options.storeDir ?? defaultStoreDir;
    this.realStoreDir = options.realStoreDir;
    this.#blobs = new DiskBlobStore(options.dataFolder, { schemas: [storeSchema] });
    this.paths = new PathTable(this.#blobs.folder.database);
    makeFolder(realFileSystem, this.realStoreDir, 0o1775);
  }

  get blobs(): BlobStore {
    return this.#blobs;
  }

  batch(): BlobBatch {
    return this.#blobs.batch();
  }

  /** Where the checkout of `path` is on disk. */
  realPath(path: StorePath): string {
    return join(this.realStoreDir, path);
  }

  /**
   * Makes `registration` valid: commits its blobs (those of `batch`), checks its tree out and records it, in this order,
   * so that a crash leaves at most a checkout that nobody counts on. A path that is valid already is left as it is.
   */
  async register(registration: Registration, batch: BlobBatch, signal?: AbortSignal): Promise<void> {
    const { path } = registration.info;
    const real = this.realPath(path);
    using _lock = await lockPath(real, signal);
    if (this.paths.isValid(path)) return;
    await batch.commit({ signal });
    // What is there without being valid was left by a crash, or made by somebody who must not.
    if (lstatSync(real, { throwIfNoEntry: false }) !== undefined) removeTree(real);
    await checkoutTree(this.#blobs, registration.root, real, { files: this.#blobs, signal });
    try {
      this.#sync();
      this.paths.register([registration]);
    } catch (error) {
      removeTree(real);
      throw error;
    }
  }

  /** The checkout's names and metadata; the contents of linked files are durable already. */
  #sync(): void {
    const fd = openSync(this.realStoreDir, 'r');
    try {
      syncFileSystem(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Reports the tree of a valid path; `drain` is asked to wait between files. Throws `path/invalid`, `blob/missing`. */
  async streamPath(path: StorePath, sink: TreeSink, options: Parameters<typeof streamTree>[3] = {}): Promise<void> {
    await streamTree(this.#blobs, this.paths.require(path).root, sink, options);
  }

  rootOf(path: StorePath): Node {
    return this.paths.require(path).root;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#blobs[Symbol.asyncDispose]();
  }
}
