import type { CallOptions } from '../../castore/index.ts';
import { type NixHash, type StorePath, makeHash } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { RepairOptions, Upkeep, VerifyStoreOptions } from '../store.ts';
import type { LocalStore } from './local-store.ts';
import { hashTree } from './upkeep/hash-tree.ts';
import { type Optimised, optimiseStore } from './upkeep/optimise-store.ts';
import { repairPath } from './upkeep/repair-path.ts';
import { verifyStore } from './upkeep/verify-store.ts';

/** The `Upkeep` of a local store. */
export class LocalUpkeep implements Upkeep {
  readonly #store: LocalStore;

  constructor(store: LocalStore) {
    this.#store = store;
  }

  verify(options?: VerifyStoreOptions): Promise<boolean> {
    return verifyStore(this.#store, options);
  }

  optimise(options?: CallOptions): Promise<Optimised> {
    return optimiseStore(this.#store, options);
  }

  repair(path: StorePath, options?: RepairOptions): Promise<void> {
    return repairPath(this.#store, path, options);
  }

  async hashOnDisk(path: StorePath, { signal }: CallOptions = {}): Promise<NixHash> {
    signal?.throwIfAborted();
    this.#store.rootOf(path);
    const result = hashTree(this.#store.realPath(path));
    if (result.kind === 'hashed') return makeHash('sha256', result.digest);
    throw new StoreError('path/unreadable', `reading '${this.#store.realPath(path)}': ${result.message}`);
  }
}
