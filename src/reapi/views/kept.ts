import { untilAborted } from '../../base/index.ts';

/** What is made for a key, by however many want it at once. */
interface Entry<Value> {
  readonly value: Promise<Value>;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/** A value for as long as it is not disposed of. */
export interface Held<Value> extends AsyncDisposable {
  readonly value: Value;
}

/**
 * Values that take time to make, by key: kept for a while when nobody uses them any more, since whoever comes next often wants
 * the same. What cannot be made is not remembered.
 */
export class Kept<Value extends AsyncDisposable> implements AsyncDisposable {
  /** In milliseconds. */
  readonly #patience: number;
  /** Beyond it those go that nobody uses, the one that was used longest ago first. */
  readonly #maxUnused: number;
  readonly #entries = new Map<string, Entry<Value>>();

  constructor({ patience, maxUnused }: { readonly patience: number; readonly maxUnused: number }) {
    this.#patience = patience;
    this.#maxUnused = maxUnused;
  }

  /** What is being made is made to its end, also when whoever waits for it leaves, as an abort of `signal` says. */
  async hold(key: string, make: () => Promise<Value>, signal?: AbortSignal): Promise<Held<Value>> {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { value: make(), users: 0, timer: undefined };
      this.#entries.set(key, entry);
    }
    const held = entry;
    clearTimeout(held.timer);
    held.users++;
    let isHeld = true;
    const release = async () => {
      if (!isHeld) return;
      isHeld = false;
      if (--held.users === 0) await this.#keep(key, held);
    };
    try {
      return { value: await untilAborted(held.value, signal), [Symbol.asyncDispose]: release };
    } catch (error) {
      if (signal?.aborted === true) void held.value.then(release, () => {});
      held.value.catch(() => {
        if (this.#entries.get(key) === held) this.#entries.delete(key);
      });
      throw error;
    }
  }

  async #keep(key: string, entry: Entry<Value>): Promise<void> {
    // The one that was used last is the last to go.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.timer = setTimeout(() => void this.#drop(key, entry), this.#patience);
    entry.timer.unref();
    const unused = [...this.#entries].filter(([, { users }]) => users === 0);
    for (const [other, old] of unused.slice(0, Math.max(0, unused.length - this.#maxUnused)))
      await this.#drop(other, old);
  }

  async #drop(key: string, entry: Entry<Value>): Promise<void> {
    if (entry.users > 0 || this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    clearTimeout(entry.timer);
    await (await entry.value)[Symbol.asyncDispose]();
  }

  /** To be called when nothing is held. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const [key, entry] of this.#entries) await this.#drop(key, entry);
  }
}
