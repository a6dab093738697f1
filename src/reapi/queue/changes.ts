/** The changes of something, for any number of those who wait for the next one. */
export class Changes {
  #next = Promise.withResolvers<void>();

  /** Wakes all who wait. */
  announce(): void {
    const change = this.#next;
    this.#next = Promise.withResolvers();
    change.resolve();
  }

  /** Resolves at the next change. */
  get next(): Promise<void> {
    return this.#next.promise;
  }
}

/** Someone who waits for changes until a signal is aborted. */
export class Waiter implements Disposable {
  readonly #signal: AbortSignal;
  readonly #aborted = Promise.withResolvers<never>();
  readonly #abort = (): void => this.#aborted.reject(this.#signal.reason);

  /** Throws where the signal is aborted already. */
  constructor(signal: AbortSignal) {
    signal.throwIfAborted();
    this.#signal = signal;
    // Nobody may be waiting when it is.
    this.#aborted.promise.catch(() => undefined);
    signal.addEventListener('abort', this.#abort);
  }

  /** Rejects with the signal's reason if that comes first. */
  async until(change: Promise<void>): Promise<void> {
    await Promise.race([change, this.#aborted.promise]);
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#abort);
  }
}
