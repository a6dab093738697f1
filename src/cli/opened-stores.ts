import { FirnError, errnoOf, messageOf } from '../base/index.ts';
import type { Store } from '../store/index.ts';
import type { CommandContext } from './command.ts';
import { openStoreAt } from './open-store.ts';

interface Failure {
  readonly message: string;
  /** When it was, in milliseconds of `performance.now`. */
  readonly at: number;
}

/** In milliseconds: how long a store that could not be opened is not tried again. */
const retryAfter = 1000;

/** Stores by their URIs, opened when they are asked for. Those that cannot be are warned of and left out. */
export class OpenedStores implements AsyncDisposable {
  readonly #uris: () => Iterable<string>;
  readonly #context: CommandContext;
  readonly #stores = new Map<string, Store>();
  readonly #failures = new Map<string, Failure>();
  /** The latest attempt, which the next one waits for. */
  #opening: Promise<void> = Promise.resolve();

  constructor(uris: () => Iterable<string>, context: CommandContext) {
    this.#uris = uris;
    this.#context = context;
  }

  /** That with the smallest priority first. `again`: those that could not be opened are tried again. */
  async get({ again = false }: { readonly again?: boolean } = {}): Promise<readonly Store[]> {
    this.#opening = this.#opening.catch(() => {}).then(() => this.#open(again));
    await this.#opening;
    return [...this.#stores.values()].toSorted((a, b) => a.priority - b.priority);
  }

  /** What is left out, and why. */
  get failures(): readonly string[] {
    return Array.from(this.#failures.values(), ({ message }) => message);
  }

  async #open(again: boolean): Promise<void> {
    for (const uri of new Set(this.#uris())) {
      if (this.#stores.has(uri)) continue;
      const failure = this.#failures.get(uri);
      if (failure !== undefined && (!again || performance.now() < failure.at + retryAfter)) continue;
      try {
        this.#stores.set(uri, await openStoreAt(uri, this.#context));
        this.#failures.delete(uri);
      } catch (error) {
        if (!(error instanceof FirnError) && errnoOf(error) === undefined) throw error;
        const message = messageOf(error);
        if (message !== failure?.message) this.#context.log.warn(message);
        this.#failures.set(uri, { message, at: performance.now() });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A failure is of whoever asked.
    await this.#opening.catch(() => {});
    for (const store of this.#stores.values()) await store[Symbol.asyncDispose]();
  }
}
