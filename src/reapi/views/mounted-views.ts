import { type ByteString, brandAs, byteStringFromLatin1, displayBytes, sha256Hex } from '../../base/index.ts';
import { type DirectoryEntry, type Node, readDirectory } from '../../castore/index.ts';
import type { Mount } from '../../exec/index.ts';
import { FuseMount, type HeldView, type NodeSource, type ViewOwner } from '../../fuse/index.ts';
import { compareStorePaths, storePathForm } from '../../nix-compat/index.ts';
import { type LazyPaths, type LocalStore, type Substituters, formatRoot } from '../../store/index.ts';
import type { RootFs, StoreView, StoreViews, ViewRequest } from '../execution/store-views.ts';
import { type ViewSettings, requireAllowed } from './checked-out-views.ts';
import { ClosureFinder, type FoundPath } from './find-closure.ts';
import { Layers } from './layers.ts';

export interface MountedViewsOptions {
  readonly store: LocalStore;
  /** Asked for anew for each action: what they lack today, they may have tomorrow. */
  readonly substituters: () => Substituters;
  readonly settings: ViewSettings;
  readonly lazyPaths: LazyPaths;
  /** What of these is asked for, and what all of the store is. */
  readonly source: NodeSource;
  /** An existing folder, absolute, which others can get to. */
  readonly mountPoint: string;
}

/** Of the view of all that the store has. */
const wholeView = 'all';

/**
 * Shows store paths by a file system that is served by us: what an action names need not be here, and of what it does not
 * read nothing comes. Actions that name the same share a view.
 */
export class MountedViews implements StoreViews {
  readonly storeDir: string;
  readonly #options: MountedViewsOptions;
  readonly #mount: FuseMount;

  /** Throws `fuse/…` errors. */
  static async open(options: MountedViewsOptions): Promise<MountedViews> {
    const { mountPoint, source, store } = options;
    return new MountedViews(await FuseMount.mount({ mountPoint, dataFolder: store.dataFolder, source }), options);
  }

  private constructor(mount: FuseMount, options: MountedViewsOptions) {
    this.storeDir = displayBytes(byteStringFromLatin1(options.store.storeDir));
    this.#mount = mount;
    this.#options = options;
  }

  async open(request: ViewRequest): Promise<StoreView> {
    const { store, substituters, settings, lazyPaths } = this.#options;
    requireAllowed(request, settings);
    await using owned = new AsyncDisposableStack();
    const roots = owned.use(store.openTemporaryRoots());
    const finder = new ClosureFinder(store, substituters(), { lazyPaths, roots, signal: request.signal });
    const { closure, isWhole, writable, rootFs } = await finder.findWanted(request);
    const show = (view: HeldView): string => owned.use(view).path;
    const from = show(
      isWhole ? this.#mount.holdView(wholeView, { asksFor: storePathForm }) : this.#holdPaths(closure.values()),
    );
    const mounts: Mount[] = [{ kind: 'bind', from, to: this.storeDir, writable: false, is: 'folder' }];
    const layers = new Layers(request);
    for (const path of writable) {
      const lower = `${show(this.#holdPaths([path], layers.owner))}/${path.path}`;
      mounts.push(layers.over(lower, `${this.storeDir}/${path.path}`));
    }
    let root: RootFs | undefined;
    if (rootFs !== undefined) {
      const lower = `${show(this.#holdPaths([rootFs], layers.owner))}/${rootFs.path}`;
      root = { mounts: [layers.over(lower, '/')], names: await this.#namesIn(rootFs.root, request.signal) };
    }
    const held = owned.move();
    return { rootFs: root, mounts, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
  }

  async #namesIn(root: Node, signal: AbortSignal): Promise<ReadonlySet<string>> {
    if (root.kind !== 'directory') return new Set();
    const { store, lazyPaths } = this.#options;
    await lazyPaths.fetchBlob(root.digest, { signal });
    const { entries } = await readDirectory(store.blobs, root.digest, { signal });
    return new Set(entries.map(({ name }) => displayBytes(name)));
  }

  /** A view of these paths, which all who want the same share. */
  #holdPaths(paths: Iterable<FoundPath>, owner?: ViewOwner): HeldView {
    const sorted = [...paths].toSorted((a, b) => compareStorePaths(a.path, b.path));
    const entries = sorted.map(({ path, root }): DirectoryEntry => ({ name: brandAs<ByteString>(path), node: root }));
    const lines = sorted.map(({ path, root }) => `${path} ${formatRoot(root)}\n`);
    const name = sha256Hex(Buffer.from(lines.join(''), 'latin1')).slice(0, 32);
    return this.#mount.holdView(owner === undefined ? name : `${name}-${owner.user}`, entries, owner);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mount[Symbol.asyncDispose]();
  }
}
