import type { PathInfo, StorePath } from '../../nix-compat/index.ts';

/** Path infos that are asked for with one request: an answer for each is held in memory. */
const maxBatch = 10_000;

/**
 * Gathers what is asked for while nothing can be asked, and asks for it at once: a closure takes as many requests as it is
 * deep, not as many as it has paths.
 */
export class PathInfoBatches {
  readonly #ask: (paths: ReadonlySet<StorePath>) => Promise<Map<StorePath, PathInfo>>;
  readonly #waiting = new Map<StorePath, PromiseWithResolvers<PathInfo | undefined>>();
  #asking = false;

  constructor(ask: (paths: ReadonlySet<StorePath>) => Promise<Map<StorePath, PathInfo>>) {
    this.#ask = ask;
  }

  find(path: StorePath): Promise<PathInfo | undefined> {
    let waiting = this.#waiting.get(path);
    if (waiting === undefined) {
      waiting = Promise.withResolvers();
      this.#waiting.set(path, waiting);
    }
    if (!this.#asking) {
      this.#asking = true;
      // Who asks in the same turn asks together.
      queueMicrotask(() => void this.#run());
    }
    return waiting.promise;
  }

  async #run(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, maxBatch);
      for (const [path] of batch) this.#waiting.delete(path);
      try {
        const infos = await this.#ask(new Set(batch.map(([path]) => path)));
        for (const [path, { resolve }] of batch) resolve(infos.get(path));
      } catch (error) {
        for (const [, { reject }] of batch) reject(error);
      }
    }
    this.#asking = false;
  }
}
