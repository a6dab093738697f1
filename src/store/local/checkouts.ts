import { lstatSync, renameSync } from 'node:fs';
import { errnoOf } from '../../base/index.ts';
import { type CheckoutOptions, type Node, checkoutTree, removeTree } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { LocalStore } from './local-store.ts';
import { placeBeside } from './place-beside.ts';

/** A checkout that is under way. */
interface Draft {
  /** Where it is now, and where it belongs. */
  readonly at: string;
  readonly real: string;
}

/**
 * Checkouts of several paths, which the caller has locked. Those that are not kept are removed at disposal.
 *
 * With `replace` what lies in the store directory stays until all the new checkouts are complete and durable; for an
 * instant nothing is there then, and afterwards the old one is gone for good. Without, it is removed at once: it was left
 * by a crash, or made by somebody who must not.
 */
export class Checkouts implements Disposable {
  readonly #store: LocalStore;
  readonly #replace: boolean;
  readonly #drafts = new Map<StorePath, Draft>();

  constructor(store: LocalStore, replace: boolean) {
    this.#store = store;
    this.#replace = replace;
  }

  async make(
    { path, root }: { readonly path: StorePath; readonly root: Node },
    options: Pick<CheckoutOptions, 'files' | 'signal'>,
  ): Promise<void> {
    const real = this.#store.realPath(path);
    const at = this.#replace ? placeBeside(this.#store, 'new', path) : real;
    if (lstatSync(at, { throwIfNoEntry: false }) !== undefined) removeTree(at);
    await checkoutTree(this.#store.blobs, root, at, options);
    this.#drafts.set(path, { at, real });
  }

  /** Makes those of `paths` durable, under their names. */
  publish(paths: Pick<ReadonlyMap<StorePath, unknown>, 'has'>): void {
    this.#store.syncStoreDirectory();
    if (!this.#replace) return;
    for (const [path, draft] of this.#drafts) if (paths.has(path)) this.#swap(path, draft);
    this.#store.syncStoreDirectory();
  }

  #swap(path: StorePath, { at, real }: Draft): void {
    const old = placeBeside(this.#store, 'old', path);
    removeTree(old);
    moveAside(real, old);
    renameSync(at, real);
    this.#drafts.delete(path);
    removeTree(old);
  }

  keep(): void {
    this.#drafts.clear();
  }

  [Symbol.dispose](): void {
    for (const { at } of this.#drafts.values()) removeTree(at);
  }
}

/** Removes it where it cannot be moved: overlayfs moves no folder of a layer that cannot be written to. */
function moveAside(real: string, old: string): void {
  if (lstatSync(real, { throwIfNoEntry: false }) === undefined) return;
  try {
    renameSync(real, old);
  } catch (error) {
    if (errnoOf(error) !== 'EXDEV') throw error;
    removeTree(real);
  }
}
