import type { CallOptions } from '../../castore/index.ts';
import { type StorePath, compareStorePaths } from '../../nix-compat/index.ts';
import type { PathIndex } from '../store.ts';
import type { PathTable } from './path-table.ts';

/** The `PathIndex` of a local store: its tables. What refers to a path that is inherited may not be so yet. */
export class LocalIndex implements PathIndex {
  readonly #paths: PathTable;
  readonly #lower: PathIndex | undefined;

  /** `lower` is that of the store that it inherits from. */
  constructor(paths: PathTable, lower?: PathIndex) {
    this.#paths = paths;
    this.#lower = lower;
  }

  async allPaths({ signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return this.#paths.all();
  }

  async referrers(path: StorePath, { signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return union(this.#paths.referrers(path), await this.#lower?.referrers(path, { signal }));
  }

  async validDerivers(path: StorePath, { signal }: CallOptions = {}): Promise<StorePath[]> {
    signal?.throwIfAborted();
    return union(this.#paths.validDerivers(path), await this.#lower?.validDerivers(path, { signal }));
  }

  async registeredSince(
    change: number,
    { signal }: CallOptions = {},
  ): ReturnType<NonNullable<PathIndex['registeredSince']>> {
    signal?.throwIfAborted();
    return this.#paths.registeredSince(change);
  }
}

/** In ascending order. */
function union(ours: readonly StorePath[], theirs: readonly StorePath[] = []): StorePath[] {
  return theirs.length === 0 ? [...ours] : [...new Set([...ours, ...theirs])].toSorted(compareStorePaths);
}
