interface Waiting {
  readonly bytes: number;
  readonly grant: () => void;
}

/** Bytes that answers may have in memory until their readers have taken them; who finds none left waits, in order. */
export class ResponseMemory {
  readonly #size: number;
  #left: number;
  readonly #waiting = new Set<Waiting>();

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** `bytes` where at least half of all is left besides, until the result is disposed of. Never waits. */
  tryAcquire(bytes: number): Disposable | undefined {
    if (this.#waiting.size > 0 || this.#left - bytes < this.#size / 2) return undefined;
    this.#left -= bytes;
    return this.#held(bytes);
  }

  /** Resolves once `bytes` are ours, until the result is disposed of. Rejects with the signal's reason when aborted. */
  async acquire(bytes: number, signal: AbortSignal): Promise<Disposable> {
    // What is larger than all of it gets all of it.
    const wanted = Math.min(bytes, this.#size);
    if (this.#waiting.size > 0 || wanted > this.#left) await this.#wait(wanted, signal);
    else this.#left -= wanted;
    return this.#held(wanted);
  }

  #held(bytes: number): Disposable {
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#left += bytes;
        this.#grantNext();
      },
    };
  }

  #wait(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        bytes,
        grant: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = () => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
        this.#grantNext();
      };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  #grantNext(): void {
    for (const waiting of this.#waiting) {
      if (waiting.bytes > this.#left) return;
      this.#waiting.delete(waiting);
      this.#left -= waiting.bytes;
      waiting.grant();
    }
  }
}
