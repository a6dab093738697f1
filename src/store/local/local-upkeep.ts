import type { CallOptions } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { Upkeep, VerifyStoreOptions } from '../store.ts';
import type { LocalStore } from './local-store.ts';

/** The `Upkeep` of a local store. */
export class LocalUpkeep implements Upkeep {
  readonly #store: LocalStore;

  constructor(store: LocalStore) {
    this.#store = store;
  }

  async verify(_options: VerifyStoreOptions = {}): Promise<boolean> {
    throw this.#unsupported('verify');
  }

  async optimise(_options: CallOptions = {}): Promise<{ readonly filesLinked: number; readonly bytesFreed: number }> {
    throw this.#unsupported('optimise');
  }

  async repair(_path: StorePath, _options: CallOptions = {}): Promise<void> {
    throw this.#unsupported('repair');
  }

  #unsupported(operation: string): StoreError {
    return new StoreError(
      'store/unsupported',
      `operation '${operation}' is not supported by store '${this.#store.uri}'`,
    );
  }
}
