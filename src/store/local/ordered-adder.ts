import type { PathOffer } from '../store.ts';
import type { LocalStore } from './local-store.ts';
import { StagedGroup } from './staged-group.ts';
import { receiveTree } from './staged-path.ts';

export interface OrderedAdderOptions {
  readonly checkSignatures: boolean;
  readonly repair: boolean;
  readonly signal: AbortSignal;
}

/**
 * Adds paths that come one after the other, each after those it refers to, and become valid in groups: at the latest by
 * `commit`, which is to be called also where something fails, so that those before stay.
 */
export class OrderedAdder implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #options: OrderedAdderOptions;
  readonly #group: StagedGroup;

  constructor(store: LocalStore, options: OrderedAdderOptions) {
    store.requireWritable();
    this.#store = store;
    this.#options = options;
    this.#group = new StagedGroup(store, options);
  }

  /** The source is not asked if the path is valid, or comes for a second time. Throws as `PathWriter.add`. */
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
