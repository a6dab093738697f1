import { setImmediate as turn } from 'node:timers/promises';
import { CastoreError } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import { type Store, StoreError, debugInfoPlace, listBuildIds } from '../../store/index.ts';

/** Paths that are looked at before others of this process have their turn. */
const batch = 100;

/**
 * Which paths have debug information about what, by build id. Nothing is written for it: what is registered is looked at when
 * somebody asks for what is not known, once, four folders a path at most (10,000 paths in 0.4 s).
 */
export class DebugInfoIndex {
  readonly #store: Store;
  readonly #paths = new Map<string, Set<StorePath>>();
  /** Up to which registration paths were looked at. */
  #seen = 0;
  #looking: Promise<void> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The first valid path that has it and `accepts` lets through. */
  async find(id: string, accepts: (path: StorePath) => Promise<boolean>): Promise<StorePath | undefined> {
    const known = await this.#findKnown(id, accepts);
    if (known !== undefined) return known;
    // Whoever looks already may have begun before what is asked for was registered.
    await this.#looking;
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    await this.#looking;
    return this.#findKnown(id, accepts);
  }

  async #findKnown(id: string, accepts: (path: StorePath) => Promise<boolean>): Promise<StorePath | undefined> {
    const paths = this.#paths.get(id);
    if (paths === undefined) return undefined;
    for (const path of paths) {
      if (!(await this.#has(path, id))) paths.delete(path);
      else if (await accepts(path)) return path;
    }
    return undefined;
  }

  /** A path may have gone since, and come back with other contents. */
  async #has(path: StorePath, id: string): Promise<boolean> {
    if ((await this.#store.pathInfo(path)) === undefined) return false;
    const tree = await this.#store.openTree(path);
    return (await tree.lookup(debugInfoPlace(id)))?.type === 'regular';
  }

  async #look(): Promise<void> {
    const registered = await this.#store.index?.registeredSince?.(this.#seen);
    if (registered === undefined) return;
    for (const [at, path] of registered.paths.entries()) {
      if (at % batch === batch - 1) await turn();
      await this.#lookInto(path);
    }
    this.#seen = registered.change;
  }

  async #lookInto(path: StorePath): Promise<void> {
    try {
      for await (const id of listBuildIds(await this.#store.openTree(path))) {
        const paths = this.#paths.get(id) ?? new Set();
        this.#paths.set(id, paths.add(path));
      }
    } catch (error) {
      // A collection has taken it meanwhile.
      const isGone =
        (error instanceof StoreError && error.code === 'path/invalid') ||
        (error instanceof CastoreError && error.code === 'blob/missing');
      if (!isGone) throw error;
    }
  }
}
