import type { BuildSlot } from '../build/derivation-builder.ts';

/**
 * Hands out a limited number of slots, to those that wait with the largest weight first, and among these to who came
 * first: on the critical path of a graph the weight is the length of the longest way to what was asked for.
 */
export class BuildSlots {
  #free: number;
  readonly #waiting: Waiting[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(slots: number) {
    this.#free = slots;
  }

  get hasFree(): boolean {
    return this.#free > 0;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** `listener` is called whenever a slot is given back, until `offRelease`. */
  onRelease(listener: () => void): void {
    this.#listeners.add(listener);
  }

  offRelease(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** Waits for a slot; dispose of the result to give it back. Rejects with the signal's reason when aborted. */
  async acquire(weight: number, signal: AbortSignal): Promise<BuildSlot & Disposable> {
    await this.#take(weight, signal);
    let isHeld = true;
    const giveBack = () => {
      if (isHeld) this.#release();
      isHeld = false;
    };
    return {
      yieldWhile: async wait => {
        giveBack();
        await wait();
        await this.#take(weight, signal);
        isHeld = true;
      },
      [Symbol.dispose]: giveBack,
    };
  }

  async #take(weight: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(weight, signal);
  }

  #wait(weight: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const grant = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const waiting = { weight, grant };
      const before = this.#waiting.findIndex(other => other.weight < weight);
      this.#waiting.splice(before < 0 ? this.#waiting.length : before, 0, waiting);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next.grant();
    for (const listener of this.#listeners) listener();
  }
}

interface Waiting {
  readonly weight: number;
  readonly grant: () => void;
}
