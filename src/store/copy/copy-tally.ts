import type { Activity } from '../../base/index.ts';
import type { PathOffer } from '../store.ts';

/** Counts the paths of a copy for whoever watches it. */
export class CopyTally {
  readonly #activity: Activity;
  readonly #expected: number;
  #done = 0;
  #running = 0;
  #failed = 0;

  /** `activity` is of type `copyPaths` and expects so many paths. */
  constructor(activity: Activity, expected: number) {
    this.#activity = activity;
    this.#expected = expected;
  }

  /** `offer`, counted as running while it is taken. */
  watch(offer: PathOffer): PathOffer {
    return {
      ...offer,
      source: async (sink, drain, signal) => {
        this.#running++;
        this.#show();
        try {
          await offer.source(sink, drain, signal);
        } finally {
          this.#running--;
          this.#show();
        }
      },
    };
  }

  countDone(): void {
    this.#done++;
    this.#show();
  }

  countFailed(paths: number): void {
    this.#failed += paths;
    this.#show();
  }

  #show(): void {
    this.#activity.progress(this.#done, this.#expected, this.#running, this.#failed);
  }
}
