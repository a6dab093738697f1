import { readFile, statfs } from 'node:fs/promises';
import { type Reporter, messageOf } from '../../../base/index.ts';
import type { CollectOptions, Collected } from '../../store.ts';

export interface AutoCollectOptions {
  /** Below so many free bytes a collection begins (`min-free`). */
  readonly minFree: number;
  /** It ends once so many are free (`max-free`). */
  readonly maxFree: number;
  /** Between two looks at the disk, in milliseconds (`min-free-check-interval`). */
  readonly checkInterval: number;
  readonly keepOutputs: boolean;
  readonly keepDerivations: boolean;
}

export interface AutoCollectPlace {
  readonly collector: { collect(options: CollectOptions): Promise<Collected> };
  /** On the file system whose space is meant. */
  readonly folder: string;
  readonly reporter: Reporter;
  /** In milliseconds, never going back. */
  readonly now?: () => number;
}

/** If so little of what was free after the last collection has gone, the next one would find nothing either. */
const worthwhile = 0.97;

/** Collects garbage when the disk becomes full: whoever is about to write much asks for it. */
export class AutoCollector {
  readonly #place: AutoCollectPlace;
  readonly #options: AutoCollectOptions;
  readonly #now: () => number;
  #running: Promise<void> | undefined;
  #lastCheck = -Infinity;
  #freeAfterLast = Infinity;

  constructor(place: AutoCollectPlace, options: AutoCollectOptions) {
    this.#place = place;
    this.#options = options;
    this.#now = place.now ?? (() => performance.now());
  }

  /**
   * Collects if that is due; resolves when the collection, or one that is under way, has ended. One that fails is
   * warned of: the work it was to make room for may still succeed.
   */
  check(): Promise<void> {
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #run(): Promise<void> {
    const { minFree, maxFree, checkInterval, keepOutputs, keepDerivations } = this.#options;
    if (minFree <= 0 || this.#now() < this.#lastCheck + checkInterval) return;
    try {
      this.#lastCheck = this.#now();
      const free = await freeBytes(this.#place.folder);
      if (free >= minFree || free >= maxFree || free > this.#freeAfterLast * worthwhile) return;
      const maxFreed = maxFree - free;
      this.#place.reporter.log('info', `running auto-GC to free ${maxFreed} bytes`);
      await this.#place.collector.collect({ maxFreed, keepOutputs, keepDerivations });
      this.#freeAfterLast = await freeBytes(this.#place.folder);
      this.#lastCheck = this.#now();
    } catch (error) {
      this.#place.reporter.warn(`automatic garbage collection failed: ${messageOf(error)}`);
    }
  }
}

/** C++ Nix's tests say by a file how much is free. */
async function freeBytes(folder: string): Promise<number> {
  const pretended = process.env['_NIX_TEST_FREE_SPACE_FILE'];
  if (pretended !== undefined) return Number.parseInt(await readFile(pretended, 'latin1'), 10);
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
