import { equalBytes } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Optimised, RepairOptions, Repairer, Upkeep, VerifyStoreOptions } from '../store.ts';
import type { LocalStore } from './local-store.ts';
import { hashTree } from './upkeep/hash-tree.ts';
import { optimiseStore } from './upkeep/optimise-store.ts';
import { repairPath } from './upkeep/repair-path.ts';
import { verifyStore } from './upkeep/verify-store.ts';

/** The `Upkeep` of a local store, and its `Repairer`. */
export class LocalUpkeep implements Upkeep, Repairer {
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

  async isIntact(path: StorePath, { signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    const { narHash } = this.#store.paths.require(path).info;
    const hashed = hashTree(this.#store.realPath(path));
    return hashed.kind === 'hashed' && equalBytes(hashed.digest, narHash.digest);
  }

  repair(path: StorePath, options?: RepairOptions): Promise<void> {
    return repairPath(this.#store, path, options);
  }
}
