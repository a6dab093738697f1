import { setImmediate as turn } from 'node:timers/promises';
import type { CallOptions } from '../blob-store.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { decodeDirectory, maxDirectorySize } from '../directory.ts';
import type { DiskBlobStore } from '../disk/disk-blob-store.ts';
import { CastoreError } from '../error.ts';
import type { Node } from '../node.ts';
import { HashSet } from './hash-set.ts';

/** What is kept. */
export interface LiveRoots {
  /** Trees: with everything below them. */
  readonly nodes?: Iterable<Node>;
  /** Blobs of no tree: themselves alone. */
  readonly blobs?: Iterable<{ readonly hash: Sha256 }>;
}

/** Part of a tree that cannot be followed, so that what is below it and nowhere else is not marked: it is lost anyway. */
export interface LostDirectory {
  readonly digest: Digest;
  /** `undefined`: it is absent. */
  readonly error: CastoreError | undefined;
}

export interface MarkOptions extends CallOptions {
  readonly onLost?: ((lost: LostDirectory) => void) | undefined;
}

/** In milliseconds, before the thread is given to others. */
const turnTime = 20;

/** How many directories are read between two looks at the clock. */
const directoriesBetweenLooks = 32;

/**
 * The blobs that a garbage collection keeps. Each directory is read and decoded once, however many trees it is in.
 * Marking adds only: what is live stays so until the collection is over.
 */
export class BlobMarks {
  readonly #store: DiskBlobStore;
  readonly #options: MarkOptions;
  readonly #blobs = new HashSet();
  /**
   * Those that were decoded, whose children are marked. One that could not be read is not among them, since its hash may
   * come again with the size that is the right one.
   */
  readonly #directories = new HashSet();

  constructor(store: DiskBlobStore, options: MarkOptions = {}) {
    this.#store = store;
    this.#options = options;
  }

  /** Of blobs that are marked. */
  get size(): number {
    return this.#blobs.size;
  }

  has(hash: Sha256): boolean {
    return this.#blobs.has(hash);
  }

  /** As `has`, for the 32 bytes of a hash that begin at `at`. */
  hasBytes(bytes: Uint8Array, at: number): boolean {
    return this.#blobs.hasBytes(bytes, at);
  }

  /**
   * Marks what `roots` name and everything below it. Reads there and then, which is quickest, and gives the thread to
   * others every 20 ms. Throws what the disk and the database throw: then not everything is marked, and nothing may be swept.
   */
  async mark({ nodes = [], blobs = [] }: LiveRoots): Promise<void> {
    for (const { hash } of blobs) this.#blobs.add(hash);
    const pace = new Pace(this.#options.signal);
    for (const node of nodes) {
      const pending: Digest[] = [];
      this.#reach(node, pending);
      for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
        this.#expand(digest, pending);
        await pace.step();
      }
    }
  }

  #reach(node: Node, pending: Digest[]): void {
    if (node.kind === 'file') this.#blobs.add(node.digest.hash);
    else if (node.kind === 'directory' && !this.#directories.has(node.digest.hash)) pending.push(node.digest);
  }

  #expand(digest: Digest, pending: Digest[]): void {
    if (this.#directories.has(digest.hash)) return;
    this.#blobs.add(digest.hash);
    try {
      const bytes = this.#store.getSync(digest, { limit: maxDirectorySize });
      if (bytes === undefined) return this.#options.onLost?.({ digest, error: undefined });
      for (const { node } of decodeDirectory(bytes).entries) this.#reach(node, pending);
    } catch (error) {
      if (!(error instanceof CastoreError) || error.code.startsWith('data-folder/')) throw error;
      return this.#options.onLost?.({ digest, error });
    }
    this.#directories.add(digest.hash);
  }
}

/** Lets others have the thread now and then. */
class Pace {
  readonly #signal: AbortSignal | undefined;
  #steps = 0;
  #since = performance.now();

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.throwIfAborted();
  }

  async step(): Promise<void> {
    if (++this.#steps % directoriesBetweenLooks !== 0 || performance.now() - this.#since < turnTime) return;
    await turn();
    this.#signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
