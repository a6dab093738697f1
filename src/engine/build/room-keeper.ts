import type { LocalStore } from '../../store/index.ts';

/** Between two questions, in milliseconds; whether the disk is looked at then is up to `min-free-check-interval`. */
const interval = 1000;

/** Has garbage collected while builders fill the disk, where the store is to do that by itself. Ends at disposal. */
export class RoomKeeper implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #timer: NodeJS.Timeout;
  #collection: Promise<void> | undefined;

  constructor(store: LocalStore) {
    this.#store = store;
    this.#timer = setInterval(() => this.#keep(), interval).unref();
  }

  #keep(): void {
    this.#collection ??= this.#store.makeRoom().finally(() => (this.#collection = undefined));
  }

  /** Waits for a collection that has begun. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#collection;
  }
}
