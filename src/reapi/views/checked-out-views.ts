import { dirname } from 'node:path';
import type { Mount } from '../../exec/index.ts';
import { type DirectoryNode, type Node, checkoutTree, lockAgainstCollection, makeFolder } from '../../castore/index.ts';
import { byteStringFromLatin1, displayBytes, unreachable } from '../../base/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import type { LocalStore, Substituters } from '../../store/index.ts';
import { ReapiError } from '../error.ts';
import { treeMounts } from '../execution/tree-mounts.ts';
import {
  type ClosureName,
  type StoreWants,
  closureProperty,
  rootFsProperty,
  writableProperty,
} from '../execution/store-wants.ts';
import type { StoreView, StoreViews, ViewRequest } from '../execution/store-views.ts';
import { ClosureFinder } from './find-closure.ts';

export interface ViewSettings {
  /** Whether actions may see all that the store has (`nix-closure` = `all`). */
  readonly allowsWhole: boolean;
}

const noWants: StoreWants = { closure: [], isWhole: false, rootFs: undefined, writable: [] };

/**
 * Shows store paths as they are on this machine's disk, each mounted on its own: what an action names has to be valid
 * first. Trees that an action may write in are copies of its own.
 */
export class CheckedOutViews implements StoreViews {
  readonly storeDir: string;
  readonly #store: LocalStore;
  readonly #finder: ClosureFinder;
  readonly #settings: ViewSettings;

  constructor(store: LocalStore, substituters: Substituters, settings: ViewSettings) {
    this.storeDir = displayBytes(byteStringFromLatin1(store.storeDir));
    this.#store = store;
    this.#finder = new ClosureFinder(store, substituters);
    this.#settings = settings;
  }

  async open(request: ViewRequest): Promise<StoreView> {
    const { wants = noWants, links, folder, signal } = request;
    if (wants.isWhole && !this.#settings.allowsWhole)
      throw new ReapiError('closure/refused', `'${closureProperty}' = 'all' is not allowed here: name store paths`);
    const findAll = async (names: readonly ClosureName[]) => {
      const paths: StorePath[] = [];
      for (const name of names) paths.push(await this.#finder.find(name, { signal }));
      return paths;
    };
    const named = await findAll(wants.closure);
    for (const link of links) named.push(...(await this.#finder.findTargets(link, { signal })));
    const writable = await findAll(wants.writable);
    const [rootFs] = await findAll(wants.rootFs === undefined ? [] : [wants.rootFs]);
    await using held = new AsyncDisposableStack();
    held.use(await this.#store.holdPaths([...named, ...writable, ...(rootFs === undefined ? [] : [rootFs])], signal));
    const closure = await this.#finder.closureOf([...named, ...writable], { signal });
    const mounts = wants.isWhole ? [this.#whole()] : this.#shown(closure);
    for (const path of writable) {
      const from = `${folder}/${path}`;
      await this.#copy(this.#directoryOf(path, writableProperty), from, request);
      mounts.push({ kind: 'bind', from, to: this.#inside(path), writable: true, is: 'folder' });
    }
    const root = `${folder}/root`;
    if (rootFs !== undefined) await this.#copy(this.#directoryOf(rootFs, rootFsProperty), root, request);
    const owned = held.move();
    return {
      rootFs: rootFs === undefined ? undefined : treeMounts(root),
      mounts,
      [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
    };
  }

  #whole(): Mount {
    return { kind: 'bind', from: this.#store.realStoreDir, to: this.storeDir, writable: false };
  }

  #shown(closure: ReadonlyMap<StorePath, Node>): Mount[] {
    const mounts: Mount[] = [{ kind: 'folder', to: this.storeDir, mode: 0o755 }];
    for (const [path, node] of closure) {
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

  #directoryOf(path: StorePath, property: string): DirectoryNode {
    const node = this.#store.rootOf(path);
    if (node.kind === 'directory') return node;
    const printed = printStorePath(this.#store.storeDir, path);
    throw new ReapiError('action/malformed', `'${printed}', which '${property}' names, is no directory`);
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
