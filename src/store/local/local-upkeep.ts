import { equalBytes } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Optimised, RepairOptions, Repairer, Upkeep, VerifyStoreOptions } from '../store.ts';
import type { LocalStore } from './local-store.ts';
import { deduplicate } from './overlay/deduplicate.ts';
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

  async optimise(options?: CallOptions): Promise<Optimised | undefined> {
    const { overlay } = this.#store;
    if (overlay === undefined) return optimiseStore(this.#store, options);
    await deduplicate(this.#store, overlay, options);
    return undefined;
  }

  async isIntact(path: StorePath, { signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    await this.#store.inherit([path], { signal });
    const { narHash } = this.#store.paths.require(path).info;
    const hashed = hashTree(this.#store.realPath(path));
    return hashed.kind === 'hashed' && equalBytes(hashed.digest, narHash.digest);
  }

  repair(path: StorePath, options?: RepairOptions): Promise<void> {
    return repairPath(this.#store, path, options);
  }
}
