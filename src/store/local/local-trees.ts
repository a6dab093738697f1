import type { TreeSink } from '../../base/index.ts';
import { type CallOptions, type Node, TreeBuilder, streamTree } from '../../castore/index.ts';
import { type PathInfo, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { DiskTree } from '../daemon/disk-tree.ts';
import { receiveOffer } from '../receive-offer.ts';
import { invalidPath } from '../require-path-info.ts';
import type { StreamPathOptions, TreeAccess } from '../store.ts';
import { type PathPlace, offerPlace, streamPlace } from '../stream-place.ts';
import { BlobTree } from './blob-tree.ts';
import type { LocalStore } from './local-store.ts';
import type { RecordedPath } from './recorded-path.ts';

/**
 * The trees of a local store's valid paths: from the castore or, where that has nothing of them, from their places in the
 * store directory: what another layer has put there, and what is not durable yet.
 */
export class LocalTrees {
  readonly #store: LocalStore;

  constructor(store: LocalStore) {
    this.#store = store;
  }

  /**
   * The root of a tree in the castore; a tree that is at its place alone is taken into the castore for that. Throws
   * `path/invalid`, and what reading that place gives cause for: `path/hash-mismatch`, and the system's.
   */
  async rootOf(path: StorePath, { signal = new AbortController().signal }: CallOptions = {}): Promise<Node> {
    const { info, root } = await this.#require(path, signal);
    if (root !== undefined && (await this.#isEarly(root, signal))) {
      await this.#store.earlyCommits.settled();
      // If it has not become durable, it is not valid any more.
      return this.rootOf(path, { signal });
    }
    if (root !== undefined) return root;
    this.#store.requireWritable();
    // No collection takes what it is made of before the batch ends.
    await using batch = this.#store.blobs.batch();
    await using builder = new TreeBuilder(batch, { signal });
    await receiveOffer(this.#store, offerPlace(this.#placeOf(info), this.#store.uri), { receiver: builder, signal });
    const taken = await builder.finish();
    await batch.commit({ signal });
    await this.#store.earlyCommits.settled();
    this.#store.paths.setRoot(path, taken);
    return taken;
  }
  /** As `Store.streamPath`. What the castore has, has the digests that the tree names, so that no NAR hash is computed. */
  async stream(path: StorePath, sink: TreeSink, options: StreamPathOptions = {}): Promise<void> {
    const { info, root } = await this.#require(path, options.signal);
    if (root === undefined) {
      return streamPlace(this.#store, { ...this.#placeOf(info), sink }, options);
    }
    if (await this.#isEarly(root, options.signal)) await this.#store.earlyCommits.settled();
    await streamTree(this.#store.blobs, root, sink, { ...options, reader: this.#store.blobs });
  }

  /** As `Store.openTree`. */
  async open(path: StorePath, { signal }: CallOptions = {}): Promise<TreeAccess> {
    signal?.throwIfAborted();
    const { blobs, storeDir } = this.#store;
    const { root } = await this.#require(path, signal);
    if (root === undefined || (await this.#isEarly(root, signal))) return new DiskTree(this.#store.realPath(path));
    return new BlobTree(blobs, root, printStorePath(storeDir, path));
  }

  /** Whether the castore gets it when it is durable. */
  async #isEarly(root: Node, signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#store.earlyCommits.hasSome || root.kind === 'symlink') return false;
    return (await this.#store.blobs.findMissing([root.digest], { signal })).length > 0;
  }

  #placeOf(info: PathInfo): PathPlace {
    return { info, place: this.#store.realPath(info.path) };
  }

  async #require(path: StorePath, signal: AbortSignal | undefined): Promise<RecordedPath> {
    await this.#store.inherit([path], { signal });
    const valid = this.#store.paths.find(path);
    if (valid === undefined) throw invalidPath(this.#store.storeDir, path);
    return valid;
  }
}
