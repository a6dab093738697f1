import { dirname } from 'node:path';
import type { Mount } from '../../exec/index.ts';
import { type Node, checkoutTree, lockAgainstCollection, makeFolder } from '../../castore/index.ts';
import { byteStringFromLatin1, displayBytes, unreachable } from '../../base/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { LocalStore, Substituters } from '../../store/index.ts';
import { ReapiError } from '../error.ts';
import { treeMounts } from '../execution/tree-mounts.ts';
import { closureProperty, daemonProperty } from '../execution/store-wants.ts';
import type { StoreView, StoreViews, ViewRequest } from '../execution/store-views.ts';
import { ClosureFinder, type FoundClosure } from './find-closure.ts';

export interface ViewSettings {
  /** Whether actions may see all that the store has (`nix-closure` = `all`). */
  readonly allowsWhole: boolean;
}

/** Throws `closure/refused`. */
export function requireAllowed({ wants }: ViewRequest, { allowsWhole }: ViewSettings): void {
  if (wants?.isWhole !== true || allowsWhole) return;
  throw new ReapiError('closure/refused', `'${closureProperty}' = 'all' is not allowed here: name store paths`);
}

/**
 * Shows store paths as they are on this machine's disk, each mounted on its own: what an action names has to be valid
 * first. Trees that an action may write in are copies of its own.
 */
export class CheckedOutViews implements StoreViews {
  readonly storeDir: string;
  readonly #store: LocalStore;
  readonly #substituters: () => Substituters;
  readonly #settings: ViewSettings;

  /** `substituters` are asked for anew for each action: what they lack today, they may have tomorrow. */
  constructor(store: LocalStore, substituters: () => Substituters, settings: ViewSettings) {
    this.storeDir = displayBytes(byteStringFromLatin1(store.storeDir));
    this.#store = store;
    this.#substituters = substituters;
    this.#settings = settings;
  }

  async open(request: ViewRequest): Promise<StoreView> {
    const { folder, signal } = request;
    requireAllowed(request, this.#settings);
    if (request.wants?.wantsDaemon === true)
      throw new ReapiError(
        'action/unsatisfiable',
        `'${daemonProperty}' takes a file system that this server cannot mount`,
      );
    await using owned = new AsyncDisposableStack();
    const roots = owned.use(this.#store.openTemporaryRoots());
    const finder = new ClosureFinder(this.#store, this.#substituters(), { roots, signal });
    const { closure, isWhole, writable, rootFs } = await finder.findWanted(request);
    const mounts = isWhole ? [this.#whole()] : this.#shown(closure);
    for (const { path, root } of writable) {
      const from = `${folder}/${path}`;
      await this.#copy(root, from, request);
      mounts.push({ kind: 'bind', from, to: this.#inside(path), writable: true, is: 'folder' });
    }
    const root = `${folder}/root`;
    if (rootFs !== undefined) await this.#copy(rootFs.root, root, request);
    const held = owned.move();
    return {
      rootFs: rootFs === undefined ? undefined : treeMounts(root),
      mounts,
      growing: undefined,
      [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
    };
  }

  #whole(): Mount {
    return { kind: 'bind', from: this.#store.realStoreDir, to: this.storeDir, writable: false };
  }

  #shown(closure: FoundClosure): Mount[] {
    const mounts: Mount[] = [{ kind: 'folder', to: this.storeDir, mode: 0o755 }];
    for (const [path, { root: node }] of closure) {
      const to = this.#inside(path);
      switch (node.kind) {
        case 'symlink':
          mounts.push({ kind: 'symlink', to, target: displayBytes(node.target) });
          break;
        case 'file':
        case 'directory': {
          const is = node.kind === 'file' ? 'file' : 'folder';
          mounts.push({ kind: 'bind', from: this.#store.realPath(path), to, writable: false, is });
          break;
        }
        default:
          return unreachable(node);
      }
    }
    return mounts;
  }

  #inside(path: StorePath): string {
    return `${this.storeDir}/${path}`;
  }

  /** Whose owner may write to it, while blobs stay as they are. */
  async #copy(node: Node, path: string, { owner, signal }: ViewRequest): Promise<void> {
    const { blobs } = this.#store;
    makeFolder(blobs.folder.fileSystem, dirname(path), 0o711);
    using _lock = await lockAgainstCollection(blobs.folder, 'shared', signal);
    const areLinks = owner !== undefined && owner.user !== process.geteuid?.();
    const style = areLinks ? { folderOwner: owner } : ({ style: 'writable' } as const);
    await checkoutTree(blobs, node, path, { signal, files: blobs, ...style });
  }
}
