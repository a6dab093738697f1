import type { BuildSlots } from './build-slots.ts';

/**
 * Goals that seek their inputs at a time, as long as there is enough else to do: each takes some 20 kB, and a plan of 100,000
 * derivations should not take 2 GB. No graph that is often built is as large.
 */
const mostAtOnce = 4000;

/** Those that begin in one turn of the event loop beyond that: what they ask the store is asked together. */
const mostBeyond = 64;

/**
 * Lets goals begin with their inputs: any that come until many have begun and not ended, and from then on those that came
 * last, so that what has been begun gets to its end, and is released, before more is. A few more are let begin whatever
 * has not ended while no build waits for a slot, since what has begun may wait for those that have not.
 */
export class GoalAdmission implements Disposable {
  readonly #slots: BuildSlots;
  readonly #signal: AbortSignal;
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  readonly #check = (): void => this.#schedule();
  readonly #callOff = (): void => this.#admit(this.#waiting.length);
  #open = 0;
  #isScheduled = false;

  /** `limit` is for tests. */
  constructor(slots: BuildSlots, signal: AbortSignal, limit: number = mostAtOnce) {
    this.#slots = slots;
    this.#signal = signal;
    this.#limit = limit;
    slots.onRelease(this.#check);
    signal.addEventListener('abort', this.#callOff);
  }

  /** Goals that have begun and not ended. */
  get open(): number {
    return this.#open;
  }

  /** Waits until the caller may begin; dispose of the result when it has ended. Rejects with the signal's reason when aborted. */
  async enter(): Promise<Disposable> {
    this.#signal.throwIfAborted();
    if (this.#open < this.#limit && this.#waiting.length === 0) this.#open++;
    else {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      this.#schedule();
      await promise;
    }
    const leave = () => {
      this.#open--;
      this.#schedule();
    };
    if (this.#signal.aborted) leave();
    this.#signal.throwIfAborted();
    return { [Symbol.dispose]: leave };
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    // What can go on without new ones does so first.
    setImmediate(() => {
      this.#isScheduled = false;
      const free = this.#limit - this.#open;
      if (free > 0) this.#admit(free);
      else if (!this.#slots.hasWaiting) this.#admit(Math.min(mostBeyond, this.#limit));
      else return;
      this.#schedule();
    });
  }

  #admit(count: number): void {
    for (let left = count; left > 0; left--) {
      const next = this.#waiting.pop();
      if (next === undefined) return;
      this.#open++;
      next();
    }
  }

  [Symbol.dispose](): void {
    this.#slots.offRelease(this.#check);
    this.#signal.removeEventListener('abort', this.#callOff);
  }
}
