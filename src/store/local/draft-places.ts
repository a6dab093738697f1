import { lstatSync, renameSync } from 'node:fs';
import { removeTree } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { LocalStore } from './local-store.ts';
import { placeBeside } from './place-beside.ts';

/** Where a draft belongs, and where what was there goes. */
export interface DraftPlace {
  readonly target: string;
  readonly old: string | undefined;
}

/**
 * The places of drafts in the store directory, which the caller has locked. Those that are not kept are cleared at disposal.
 *
 * With `replace` what lies there is moved aside when the draft comes, both being durable, and is gone for good afterwards;
 * it stays if the draft did not come. Without, it is removed at once: it was left by a crash, or made by somebody who must
 * not.
 */
export class DraftPlaces implements Disposable {
  readonly #store: LocalStore;
  readonly #replace: boolean;
  readonly #places = new Map<StorePath, DraftPlace>();

  constructor(store: LocalStore, replace: boolean) {
    this.#store = store;
    this.#replace = replace;
  }

  prepare(path: StorePath): DraftPlace {
    const target = this.#store.realPath(path);
    const old = this.#replace ? placeBeside(this.#store, 'old', path) : undefined;
    if (!this.#replace && isThere(target)) removeTree(target);
    const place = { target, old };
    this.#places.set(path, place);
    return place;
  }

  /** Of valid paths. */
  keep(paths: Iterable<StorePath>): void {
    for (const path of paths) {
      const old = this.#places.get(path)?.old;
      this.#places.delete(path);
      if (old !== undefined) removeTree(old);
    }
  }

  [Symbol.dispose](): void {
    for (const { target, old } of this.#places.values()) {
      if (old === undefined) removeTree(target);
      else if (isThere(target)) removeTree(old);
      else if (isThere(old)) renameSync(old, target);
    }
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
