import { type BlobStore, type CallOptions, type Digest } from '../../castore/index.ts';
import type { RootClaim, StorePath } from '../../nix-compat/index.ts';
import { type LazyTrees, formatRoot } from '../../store/index.ts';
import type { PathEntries } from './path-entries.ts';
import { TreeBlobs } from './tree-blobs.ts';

/** Trees whose directories are at hand; those of others are asked for where they may be blobs as well. */
const maxOpenTrees = 1000;

/** What a cache says of its trees, which nobody signs: it is believed where the cache is trusted. */
export class ReapiLazyTrees implements LazyTrees {
  readonly #paths: PathEntries;
  readonly #blobs: BlobStore;
  /** Directories come in one message with each tree, and need not be blobs of their own. */
  readonly #trees = new Map<StorePath, BlobStore>();

  constructor(paths: PathEntries, blobs: BlobStore) {
    this.#paths = paths;
    this.#blobs = blobs;
  }

  async claim(path: StorePath, options: CallOptions = {}): Promise<RootClaim | undefined> {
    const found = await this.#paths.find(path, options);
    const opened = found && (await this.#paths.open(found, options));
    if (opened === undefined) return undefined;
    this.#trees.delete(path);
    this.#trees.set(path, opened.blobs);
    const [oldest] = this.#trees.keys();
    if (this.#trees.size > maxOpenTrees && oldest !== undefined) this.#trees.delete(oldest);
    return { root: formatRoot(opened.root), signatures: [] };
  }

  async open(digest: Digest, options: CallOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    for (const tree of this.#trees.values()) {
      if (tree instanceof TreeBlobs && tree.hasDirectory(digest)) return tree.open(digest, options);
    }
    return this.#blobs.open(digest, options);
  }
}
