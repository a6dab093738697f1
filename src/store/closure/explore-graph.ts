export interface ExploreOptions {
  /** Visits that run at a time. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Visits `roots` and whatever visits find, each item once, at most `limit` at a time: what an item leads to is begun as
 * soon as the item is known, so that the time taken is that of the longest chain, not that of all levels together. The
 * first failure (or an abort of `signal`) aborts the signal that the others got; it is thrown after they have ended.
 */
export async function exploreGraph<T>(
  roots: Iterable<T>,
  { limit, signal: outer }: ExploreOptions,
  visit: (item: T, signal: AbortSignal) => Promise<Iterable<T>>,
): Promise<void> {
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const seen = new Set(roots);
  const queue = Array.from(seen, item => ({ item }));
  let begun = 0;
  let running = 0;
  const ended = Promise.withResolvers<void>();

  const beginMore = (): void => {
    while (!signal.aborted && running < limit && begun < queue.length) {
      const next = queue[begun++];
      if (next === undefined) break;
      running++;
      void run(next.item);
    }
    if (running === 0) ended.resolve();
  };
  const run = async (item: T): Promise<void> => {
    try {
      for (const found of await visit(item, signal)) {
        if (seen.has(found)) continue;
        seen.add(found);
        queue.push({ item: found });
      }
    } catch (error) {
      stop.abort(error);
    }
    running--;
    beginMore();
  };

  beginMore();
  await ended.promise;
  signal.throwIfAborted();
}
