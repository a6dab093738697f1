import type { CallOptions } from '../blob-store.ts';

export interface AdditionsOptions extends CallOptions {
  /** Bytes on their way beyond which `drain` waits; 8 MiB unless given. */
  readonly highWater?: number;
  /** Additions that run at a time; 256 unless given, which bounds what a store gathers of small ones before it works. */
  readonly concurrency?: number;
}

interface Addition {
  readonly cost: number;
  readonly work: () => Promise<void>;
}

/** What an addition costs beside its bytes, so that many tiny ones fill the memory allowed too. */
const overhead = 512;

/**
 * Additions to a batch that were asked for by someone who cannot wait at that moment. They start in their order, a few
 * at a time. After the first failure nothing is started any more, and every call throws it.
 */
export class Additions implements AsyncDisposable {
  readonly #signal: AbortSignal | undefined;
  readonly #highWater: number;
  readonly #concurrency: number;
  readonly #waiting = new Set<Addition>();
  #running = 0;
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #onFailure: ((error: unknown) => void) | undefined;
  readonly #changes = new Set<() => void>();

  constructor(options: AdditionsOptions = {}) {
    this.#signal = options.signal;
    this.#highWater = options.highWater ?? 8 * 1024 * 1024;
    this.#concurrency = options.concurrency ?? 256;
  }

  /** Whether `drain` would wait. */
  get full(): boolean {
    return this.#bytes > this.#highWater;
  }

  /** Runs `work`, which keeps `size` bytes in memory until it has ended. */
  add(size: number, work: () => Promise<void>): void {
    const cost = size + overhead;
    this.#bytes += cost;
    this.#waiting.add({ cost, work });
    this.#start();
  }

  /** Counts bytes that are kept beside those of `add`; negative when they no longer are. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (bytes < 0) this.#changed();
  }

  rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#signal?.throwIfAborted();
  }

  /** Ends everything with `error`, unless something failed before. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#waiting.clear();
    this.#onFailure?.(error);
    this.#changed();
  }

  /** What to do at the first failure, so that additions which wait for more bytes end. */
  onFailure(action: (error: unknown) => void): void {
    this.#onFailure = action;
  }

  /** Waits until few enough bytes are kept. */
  async drain(): Promise<void> {
    this.rethrow();
    while (this.full) {
      await this.#change();
      this.rethrow();
    }
  }

  /** Waits until all additions have ended, those included that are asked for meanwhile. */
  async settle(): Promise<void> {
    this.rethrow();
    while (this.#running > 0) {
      await this.#change();
      this.rethrow();
    }
  }

  /** Abandons what has not started and waits for the rest. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.fail(new DOMException('the additions were abandoned', 'AbortError'));
    while (this.#running > 0) await this.#change();
  }

  #start(): void {
    while (this.#running < this.#concurrency) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      this.#running++;
      void this.#run(next);
    }
  }

  async #run({ cost, work }: Addition): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(error);
    }
    this.#running--;
    this.count(-cost);
    this.#start();
  }

  /** Resolves at the next change of what runs or is kept. */
  #change(): Promise<void> {
    return new Promise(resolve => this.#changes.add(resolve));
  }

  #changed(): void {
    for (const resolve of this.#changes) resolve();
    this.#changes.clear();
  }
}
