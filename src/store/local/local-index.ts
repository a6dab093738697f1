import type { CallOptions } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { PathIndex } from '../store.ts';
import type { PathTable } from './path-table.ts';

/** The `PathIndex` of a local store: its tables. */
export class LocalIndex implements PathIndex {
  readonly #paths: PathTable;

  constructor(paths: PathTable) {
    this.#paths = paths;
  }

  async allPaths({ signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return this.#paths.all();
  }

  async referrers(path: StorePath, { signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return this.#paths.referrers(path);
  }

  async validDerivers(path: StorePath, { signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return this.#paths.validDerivers(path);
  }

  async registeredSince(
    change: number,
    { signal }: CallOptions = {},
  ): ReturnType<NonNullable<PathIndex['registeredSince']>> {
    signal?.throwIfAborted();
    return this.#paths.registeredSince(change);
  }
}
