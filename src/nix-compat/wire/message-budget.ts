/**
 * Bytes that the messages of several peers may have together while they are read and answered: what one of them may say is
 * little for one, and too much for a process that hears thousands.
 */
export class MessageBudget {
  readonly size: number;
  #used = 0;

  constructor(size: number) {
    this.size = size;
  }

  get used(): number {
    return this.#used;
  }

  /** Returns whether there was room for `count` more. */
  take(count: number): boolean {
    if (this.#used + count > this.size) return false;
    this.#used += count;
    return true;
  }

  giveBack(count: number): void {
    this.#used -= count;
  }
}
