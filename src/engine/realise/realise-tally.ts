import type { Activity } from '../../base/index.ts';
import type { BuildFailureStatus } from '../../nix-compat/index.ts';

/** Counts the builds of a command, for whoever shows progress. */
export class RealiseTally {
  readonly #builds: Activity;
  readonly #failures = new Set<BuildFailureStatus>();
  #expected = 0;
  #running = 0;
  #done = 0;
  #failed = 0;

  constructor(builds: Activity) {
    this.#builds = builds;
  }

  /** How builds have failed so far. */
  get failures(): ReadonlySet<BuildFailureStatus> {
    return this.#failures;
  }

  /** That a build failed, or could not even begin. */
  noteFailure(status: BuildFailureStatus): void {
    this.#failures.add(status);
  }

  expect(): void {
    this.#expected++;
    this.#report();
  }

  start(): void {
    this.#running++;
    this.#report();
  }

  end(how: 'done' | 'failed' | 'called off'): void {
    this.#running--;
    if (how === 'done') this.#done++;
    if (how === 'failed') this.#failed++;
    this.#report();
  }

  #report(): void {
    this.#builds.progress(this.#done, this.#expected, this.#running, this.#failed);
  }
}
