import type { Found, TimesToLive } from './cache-memory.ts';

/** The latest answers of a cache, for as long as they count; of those that are too many, the longest unused goes. */
export class RecentLookups<T> {
  readonly #limit: number;
  readonly #times: Pick<TimesToLive, 'positive' | 'negative'>;
  /** In the order of their use. */
  readonly #entries = new Map<string, { readonly found: Found<T>; readonly expires: number }>();

  constructor(limit: number, times: Pick<TimesToLive, 'positive' | 'negative'>) {
    this.#limit = limit;
    this.#times = times;
  }

  get(key: string): Found<T> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expires <= performance.now()) return undefined;
    this.#entries.set(key, entry);
    return entry.found;
  }

  set(key: string, found: Found<T>): void {
    const seconds = found.value === undefined ? this.#times.negative : this.#times.positive;
    this.#entries.delete(key);
    this.#entries.set(key, { found, expires: performance.now() + seconds * 1000 });
    if (this.#entries.size <= this.#limit) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
