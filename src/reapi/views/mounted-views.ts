import { basename, join } from 'node:path';
import {
  type ByteString,
  brandAs,
  byteStringFromLatin1,
  displayBytes,
  forEachConcurrent,
  sha256Hex,
} from '../../base/index.ts';
import { type DirectoryEntry, type Node, decodeDirectory, readDirectory } from '../../castore/index.ts';
import type { Mount } from '../../exec/index.ts';
import { FuseMount, type HeldView, type NodeSource, type ViewOwner } from '../../fuse/index.ts';
import { compareStorePaths, storePathForm } from '../../nix-compat/index.ts';
import { type LazyPaths, type LocalStore, type Substituters, formatRoot } from '../../store/index.ts';
import type { GrowingClosure, StoreView, StoreViews, ViewRequest } from '../execution/store-views.ts';
import { type ViewSettings, requireAllowed } from './checked-out-views.ts';
import { ClosureFinder, type FoundPath, type FoundWants } from './find-closure.ts';
import { AccessProfiles } from './access-profiles.ts';
import { Kept } from './kept.ts';
import { Layers } from './layers.ts';
import { ViewSource } from './view-source.ts';

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

/** Closures that nobody uses are kept from collections for so long, in milliseconds, and so many of them. */
const keeping = { patience: 60_000, maxUnused: 32 };

interface ViewParts {
  readonly mount: FuseMount;
  readonly source: ViewSource;
  readonly profiles: AccessProfiles;
}

/** Blobs that are read ahead at a time. */
const aheadAtOnce = 8;

/** What some action names, found and shown. */
interface Shown extends AsyncDisposable {
  /** The view of the closure. */
  readonly path: string;
  readonly found: FoundWants;
  /** What is in the root of the root file system. */
  readonly rootNames: ReadonlySet<string>;
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
  readonly #shown = new Kept<Shown>(keeping);
  readonly #source: ViewSource;
  readonly #profiles: AccessProfiles;
  #serial = 0;

  /** Throws `fuse/…` errors. */
  static async open(options: MountedViewsOptions): Promise<MountedViews> {
    const { mountPoint, source: all, store } = options;
    const profiles = new AccessProfiles(join(store.dataFolder, 'access'));
    const source = new ViewSource(all, profiles);
    const mount = await FuseMount.mount({ mountPoint, dataFolder: store.dataFolder, source });
    return new MountedViews({ mount, source, profiles }, options);
  }

  private constructor({ mount, source, profiles }: ViewParts, options: MountedViewsOptions) {
    this.storeDir = displayBytes(byteStringFromLatin1(options.store.storeDir));
    this.#mount = mount;
    this.#source = source;
    this.#profiles = profiles;
    this.#options = options;
  }

  async open(request: ViewRequest): Promise<StoreView> {
    requireAllowed(request, this.#options.settings);
    await using owned = new AsyncDisposableStack();
    const shown = owned.use(await this.#shown.hold(keyOf(request), () => this.#show(request), request.signal)).value;
    const { writable, rootFs } = shown.found;
    const growing = request.wants?.wantsDaemon === true ? owned.use(this.#grow(shown)) : undefined;
    const { path: from } = growing ?? shown;
    const mounts: Mount[] = [{ kind: 'bind', from, to: this.storeDir, writable: false, is: 'folder' }];
    const layers = new Layers(request);
    const layerOver = (path: FoundPath, to: string): Mount => {
      const { path: view } = owned.use(this.#holdPaths([path], layers.owner));
      return layers.over(`${view}/${path.path}`, to);
    };
    for (const path of writable) mounts.push(layerOver(path, `${this.storeDir}/${path.path}`));
    const root = rootFs && { mounts: [layerOver(rootFs, '/')], names: shown.rootNames };
    const held = owned.move();
    return { rootFs: root, mounts, growing, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
  }

  async #show(request: ViewRequest): Promise<Shown> {
    const { store, substituters, lazyPaths } = this.#options;
    await using owned = new AsyncDisposableStack();
    const roots = owned.use(store.openTemporaryRoots());
    // Others may wait for the same: it goes on when this action does not.
    const isWanted = request.wants?.wantsDaemon === true;
    // A daemon speaks of valid paths alone.
    const finder = new ClosureFinder(store, substituters(), { lazyPaths: isWanted ? undefined : lazyPaths, roots });
    const found = await finder.findWanted(request);
    const { closure, isWhole, rootFs } = found;
    const view = isWhole
      ? this.#mount.holdView(wholeView, { asksFor: storePathForm })
      : this.#holdPaths(closure.values());
    const { path } = owned.use(view);
    owned.use(this.#readAhead(basename(path)));
    const rootNames = rootFs === undefined ? new Set<string>() : await this.#namesIn(rootFs.root);
    const held = owned.move();
    return { path, found, rootNames, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
  }

  /** Has what is missing of a view that was read before, and notes what is read of it now, until it is disposed of. */
  #readAhead(view: string): AsyncDisposable {
    const { store, lazyPaths } = this.#options;
    const before = this.#profiles.read(view);
    this.#profiles.begin(view);
    const stop = new AbortController();
    const fetching = (async () => {
      const missing = await store.blobs.findMissing(before);
      await forEachConcurrent(missing, { limit: aheadAtOnce, signal: stop.signal }, async (digest, signal) => {
        await lazyPaths.fetchBlob(digest, { signal });
      });
    })();
    // Whoever reads it hears what is wrong.
    fetching.catch(() => undefined);
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await fetching.catch(() => undefined);
        this.#profiles.end(view);
      },
    };
  }

  /** A view of one action's own, which shows what is added to it. */
  #grow({ found }: Shown): GrowingClosure & HeldView {
    const { store } = this.#options;
    const name = `growing-${this.#serial++}`;
    const shown = new Map<string, Node>(Array.from(found.closure.values(), ({ path, root }) => [path, root] as const));
    const view = this.#mount.holdView(name, { asksFor: storePathForm });
    this.#source.growing.set(name, shown);
    return {
      path: view.path,
      paths: new Set(found.closure.keys()),
      show: async paths => {
        for (const path of paths) shown.set(path, await store.rootOf(path));
      },
      [Symbol.asyncDispose]: async () => {
        this.#source.growing.delete(name);
        await view[Symbol.asyncDispose]();
      },
    };
  }

  async #namesIn(root: Node): Promise<ReadonlySet<string>> {
    if (root.kind !== 'directory') return new Set();
    const { store, lazyPaths } = this.#options;
    const bytes = await lazyPaths.fetchBlob(root.digest);
    const { entries } = bytes === undefined ? await readDirectory(store.blobs, root.digest) : decodeDirectory(bytes);
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
    await this.#shown[Symbol.asyncDispose]();
    await this.#mount[Symbol.asyncDispose]();
  }
}

function keyOf({ wants, links }: ViewRequest): string {
  return JSON.stringify([wants, [...links].toSorted()]);
}
