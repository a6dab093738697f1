/** A counting semaphore: at most `permits` holders; waiters are served in order. */
export class Semaphore {
  #free: number;
  readonly #waiters = new Set<() => void>();

  constructor(permits: number) {
    if (!(permits >= 1)) throw new RangeError(`a semaphore needs at least one permit, got ${permits}`);
    this.#free = permits;
  }

  /** Waits for a permit; dispose of the result to give it back. Rejects with the signal's reason when aborted. */
  async acquire(signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#release();
        held = false;
      },
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const grant = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = () => {
        this.#waiters.delete(grant);
        reject(signal?.reason);
      };
      this.#waiters.add(grant);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  #release(): void {
    const [next] = this.#waiters;
    if (next === undefined) this.#free++;
    else {
      this.#waiters.delete(next);
      next();
    }
  }
}

/**
 * Calls `work` for each item, at most `limit` at a time, and resolves once all have ended. The first failure (or an
 * abort of `signal`) aborts the signal that the others got; it is thrown after they have ended, so nothing outlives the call.
 */
export async function forEachConcurrent<T>(
  items: Iterable<T> | AsyncIterable<T>,
  options: { readonly limit: number; readonly signal?: AbortSignal | undefined },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const running = new Set<Promise<void>>();
  let failure: { readonly reason: unknown } | undefined;
  const fail = (reason: unknown) => {
    failure ??= { reason };
    stop.abort(reason);
  };
  try {
    for await (const item of items) {
      signal.throwIfAborted();
      const task = work(item, signal)
        .catch(fail)
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= options.limit) await Promise.race(running);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.reason;
  options.signal?.throwIfAborted();
}

/** As `forEachConcurrent`, with the results in the order of the items. */
export async function mapConcurrent<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  options: { readonly limit: number; readonly signal?: AbortSignal | undefined },
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let count = 0;
  const numbered = async function* () {
    for await (const item of items) yield { item, at: count++ };
  };
  await forEachConcurrent(numbered(), options, async ({ item, at }, signal) => {
    results[at] = await work(item, signal);
  });
  return results;
}

/** Resolves when `signal` is aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** The outcome of `work`, or the signal's reason as soon as it is aborted; `work` itself goes on. */
export async function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
