import { type Reporter, silentReporter } from '../../base/index.ts';
import {
  type CallOptions,
  CastoreError,
  type Digest,
  type Node,
  TreeBuilder,
  checkDigest,
  collectChunks,
  decodeDirectory,
  digestOf,
  equalDigests,
  formatDigest,
  maxDirectorySize,
  repairBlob,
} from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import { offerPath } from '../copy/offer-path.ts';
import type { LocalStore } from '../local/local-store.ts';
import { receiveOffer } from '../receive-offer.ts';
import type { LazyTrees, PathOffer, TreeSource } from '../store.ts';
import { WrittenBehind } from './written-behind.ts';
import type { Substitute, Substituters } from '../substitute/substituters.ts';

export interface LazyPathsOptions {
  /**
   * Where paths are had that are not valid here; nowhere unless given. Asked for each time: they remember what they were
   * told, and others add paths meanwhile.
   */
  readonly substituters?: (() => Substituters) | undefined;
  readonly reporter?: Reporter;
}

export interface LazyOptions extends CallOptions {
  /** Called now and then while something comes. */
  readonly progress?: () => void;
}

export interface FetchBlobOptions extends LazyOptions {
  /** Whether what is here of the blob is damaged. */
  readonly isDamaged?: boolean;
}

/** Whose holds keep what was fetched for being looked at, until it was not for a while (`Holds`). */
const holder = 'lazy paths';

/** Bytes of the largest blob that is given before it is on disk. */
const maxInMemory = 1024 * 1024;

/** Roots that are remembered. */
const maxRemembered = 10_000;

/** Told no more often than that, in milliseconds. */
const progressInterval = 1000;

/**
 * The trees of store paths, whether they are valid here or only somewhere else. Where the root of a tree is known from somebody
 * trusted, blobs come when they are wanted; other trees come whole, and are verified, when their root is asked for. Nothing becomes valid
 * by that: references need not be here.
 */
export class LazyPaths implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #substituters: (() => Substituters) | undefined;
  readonly #reporter: Reporter;
  /** Roots of paths that are not valid here. */
  readonly #fetched = new Map<StorePath, Node>();
  /** All that somebody has looked at. */
  readonly #given = new Map<StorePath, Node>();
  /** What has the blobs of lazy trees: few, since each is a store's. */
  readonly #origins = new Set<LazyTrees>();
  readonly #behind: WrittenBehind;

  constructor(store: LocalStore, { substituters, reporter = silentReporter }: LazyPathsOptions = {}) {
    this.#store = store;
    this.#substituters = substituters;
    this.#reporter = reporter;
    this.#behind = new WrittenBehind(store.blobs, reporter);
  }

  /** Undefined where nobody has the path. Throws as `Substituters.find` and what fetching throws. */
  async rootOf(path: StorePath, options: LazyOptions = {}): Promise<Node | undefined> {
    const { signal } = options;
    if ((await this.#store.pathInfo(path, { signal })) !== undefined) {
      const valid = await this.#store.rootOf(path, { signal });
      remember(this.#given, path, valid);
      return valid;
    }
    const known = this.#fetched.get(path);
    if (known !== undefined) return known;
    const substituters = this.#substituters?.();
    const found = await substituters?.find(path, { trustedOnly: true, signal });
    if (substituters === undefined || found === undefined) return undefined;
    const lazy = await substituters.lazyTree(found, options);
    if (lazy !== undefined) this.#origins.add(lazy.trees);
    const root = lazy?.root ?? (await this.#fetchWhole(found, options));
    remember(this.#fetched, path, root);
    remember(this.#given, path, root);
    return root;
  }

  /**
   * Sees to it that a blob of a tree that was given is in the castore, or soon will be: then gives its bytes. Throws
   * `blob/missing` where nobody has it.
   */
  async fetchBlob(digest: Digest, options: FetchBlobOptions = {}): Promise<Uint8Array | undefined> {
    const { blobs } = this.#store;
    if (options.isDamaged === true && (await repairBlob(blobs, digest))) return undefined;
    const waiting = this.#behind.get(digest);
    if (waiting !== undefined) return waiting;
    // Another reader may have had it fetched meanwhile.
    if ((await blobs.findMissing([digest], options)).length === 0) return undefined;
    let failure: unknown;
    for (const origin of this.#origins) {
      try {
        const copied = await this.#copyBlob(digest, origin, options);
        if (copied !== 'absent') return copied === 'written' ? undefined : copied;
      } catch (error) {
        options.signal?.throwIfAborted();
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    if (await this.#fetchAgain(digest, options)) return undefined;
    throw new CastoreError('blob/missing', `the blob ${formatDigest(digest)} is absent, and nobody else has it`);
  }

  async #copyBlob(
    digest: Digest,
    origin: LazyTrees,
    options: FetchBlobOptions,
  ): Promise<Uint8Array | 'written' | 'absent'> {
    const chunks = await origin.open(digest, options);
    if (chunks === undefined) return 'absent';
    const told = telling(chunks, options.progress);
    if (digest.size <= maxInMemory) {
      const bytes = await collectChunks(told, digest);
      checkDigest(digestOf(bytes), digest);
      await this.#behind.add(digest, bytes);
      return bytes;
    }
    await using batch = this.#store.blobs.batch();
    await batch.putStream(told, { expected: digest, signal: options.signal });
    await batch.commit(options);
    return 'written';
  }

  /** A blob of a tree that was had whole, or is valid here: the tree is had again. */
  async #fetchAgain(digest: Digest, options: FetchBlobOptions): Promise<boolean> {
    const substituters = this.#substituters?.();
    if (substituters === undefined) return false;
    for (const path of this.#pathsWith(digest)) {
      const found = await substituters.find(path, { trustedOnly: true, signal: options.signal });
      if (found === undefined) continue;
      await this.#fetchWhole(found, options);
      return true;
    }
    return false;
  }

  async #fetchWhole({ store, info, source }: Substitute, options: LazyOptions): Promise<Node> {
    const offer = offerPath(store, this.#store, {
      info,
      ...(source === undefined ? {} : { source }),
      isTrusted: store.isTrusted,
      reporter: this.#reporter,
    });
    const { signal = new AbortController().signal } = options;
    await using batch = this.#store.blobs.batch();
    await using builder = new TreeBuilder(batch, { signal });
    await receiveOffer(this.#store, tellingOffer(offer, options.progress), { receiver: builder, signal });
    const root = await builder.finish();
    await batch.commit(options);
    this.#hold(root, info.narSize);
    return root;
  }

  /** Within the batch: a collection that begins later finds it. */
  #hold(root: Node, size: number): void {
    if (root.kind === 'symlink') return;
    const held = {
      blobs: root.kind === 'file' ? [root.digest] : [],
      directories: root.kind === 'directory' ? [root.digest] : [],
    };
    this.#store.blobs.holds.add(holder, { ...held, size });
  }

  /**
   * Paths in whose trees it is, as far as these are here: those that were looked at, then all that are valid, since who has
   * their roots need not have asked for them. That takes a while where there are many, and is done for what is damaged.
   */
  *#pathsWith(digest: Digest): Generator<StorePath, void> {
    const seen = new Set<string>();
    for (const [path, root] of this.#given) if (this.#has(root, digest, seen)) yield path;
    for (const [path, root] of this.#store.paths.roots()) if (this.#has(root, digest, seen)) yield path;
  }

  /** Directories in `seen` do not have it. Recursion is bounded by the depth of trees. */
  #has(node: Node, wanted: Digest, seen: Set<string>): boolean {
    if (node.kind === 'symlink') return false;
    if (equalDigests(node.digest, wanted)) return true;
    if (node.kind === 'file' || seen.has(node.digest.hash)) return false;
    seen.add(node.digest.hash);
    const bytes = this.#store.blobs.getSync(node.digest, { limit: maxDirectorySize });
    return bytes !== undefined && decodeDirectory(bytes).entries.some(entry => this.#has(entry.node, wanted, seen));
  }

  /** When all that was fetched is durable. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#behind[Symbol.asyncDispose]();
  }
}

function remember(roots: Map<StorePath, Node>, path: StorePath, root: Node): void {
  roots.delete(path);
  roots.set(path, root);
  const [oldest] = roots.keys();
  if (roots.size > maxRemembered && oldest !== undefined) roots.delete(oldest);
}

/** Tells `progress` of what passes, now and then. */
function teller(progress: (() => void) | undefined): () => void {
  let told = performance.now();
  return () => {
    if (performance.now() - told < progressInterval) return;
    told = performance.now();
    progress?.();
  };
}

async function* telling(
  chunks: AsyncIterable<Uint8Array>,
  progress: (() => void) | undefined,
): AsyncGenerator<Uint8Array, void> {
  const tell = teller(progress);
  for await (const chunk of chunks) {
    tell();
    yield chunk;
  }
}

/** What is sent passes through `drain` again and again. */
function tellingOffer(offer: PathOffer, progress: (() => void) | undefined): PathOffer {
  const tell = teller(progress);
  const source: TreeSource = (sink, drain, signal) => {
    const tellingDrain = () => {
      tell();
      return drain();
    };
    return offer.source(sink, tellingDrain, signal);
  };
  return { ...offer, source };
}
