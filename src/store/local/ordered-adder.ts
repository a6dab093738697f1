import type { OrderedAdding, OrderedAddingOptions, PathOffer } from '../store.ts';
import type { LocalStore } from './local-store.ts';
import { StagedGroup } from './staged-group.ts';
import { receiveTree } from './staged-path.ts';

/** `OrderedAdding` of a local store. */
export class OrderedAdder implements OrderedAdding {
  readonly #store: LocalStore;
  readonly #options: OrderedAddingOptions;
  readonly #group: StagedGroup;

  constructor(store: LocalStore, options: OrderedAddingOptions) {
    store.requireWritable();
    this.#store = store;
    this.#options = options;
    this.#group = new StagedGroup(store, options);
  }

  async add(offer: PathOffer): Promise<void> {
    const { repair, signal, checkSignatures } = this.#options;
    const { path } = offer.info;
    if (this.#group.has(path)) return;
    await this.#store.inherit([path], { signal });
    if (!repair && this.#store.paths.isValid(path)) {
      // It is kept first and then looked at: a collection may just have been about to take it.
      const valid = await this.#store.writer.keep([path], { signal });
      if (valid.has(path)) return;
    }
    // A collection waits for batches to end, so there must be none.
    if (this.#group.isEmpty) await this.#store.makeRoom();
    const options = { checkSignatures, repair, isAlone: false, signal };
    await this.#group.take(await receiveTree(this.#store, offer, options));
  }

  commit(): Promise<void> {
    return this.#group.commit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#group[Symbol.asyncDispose]();
  }
}
