import { messageOf, type Reporter } from '../../base/index.ts';
import { type BuildResult, type ContentAddress, type StorePath } from '../../nix-compat/index.ts';
import { type RealiseOptions, type Store, type Substituters, invalidPath, realisePaths } from '../../store/index.ts';
import { failed, succeeded } from '../build/build-results.ts';

export interface PathGoalsOptions {
  readonly store: Store;
  /** Undefined: whatever is missing stays so. */
  readonly substituters: Substituters | undefined;
  readonly concurrency: number;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly repair: boolean;
  readonly contentAddress: ContentAddress | undefined;
  readonly end: (result: BuildResult) => void;
}

export interface PathGoalOptions {
  /** Whether the path gets its contents anew where it is valid. */
  readonly repair?: boolean;
  /** What it must be, if that is known. */
  readonly contentAddress?: ContentAddress | undefined;
}

/**
 * Makes store paths valid that nobody builds. What is asked for at about the same time is substituted together, since a
 * group of paths is cheaper to look up and to commit than they are one by one.
 */
export class PathGoals {
  readonly #options: PathGoalsOptions;
  readonly #goals = new Map<string, Promise<BuildResult>>();
  #waiting = new Map<StorePath, Waiting>();
  #isScheduled = false;

  constructor(options: PathGoalsOptions) {
    this.#options = options;
  }

  /** `NoSubstituters` where nobody has it, `TransientFailure` where it could not be taken over. */
  realise(path: StorePath, options: PathGoalOptions = {}): Promise<BuildResult> {
    const key = options.repair === true ? `${path} repair` : path;
    const known = this.#goals.get(key);
    if (known !== undefined) return known;
    const goal = this.#begin(path, options);
    this.#goals.set(key, goal);
    return goal;
  }

  async #begin(path: StorePath, { repair = false, contentAddress }: PathGoalOptions): Promise<BuildResult> {
    const { store, substituters, signal } = this.#options;
    await store.collector?.addTemporaryRoots([path]);
    if (!repair && (await store.validPaths([path], { signal })).has(path)) return succeeded('AlreadyValid');
    if (substituters === undefined) return failed('NoSubstituters', messageOf(invalidPath(store.storeDir, path)));
    const { promise, resolve } = Promise.withResolvers<BuildResult>();
    this.#waiting.set(path, { repair, contentAddress, end: resolve });
    if (!this.#isScheduled) setImmediate(() => void this.#substitute(substituters));
    this.#isScheduled = true;
    return promise;
  }

  async #substitute(substituters: Substituters): Promise<void> {
    const { store, concurrency, reporter, signal } = this.#options;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    this.#isScheduled = false;
    for (const repair of [false, true]) {
      const some = [...waiting].filter(([, each]) => each.repair === repair);
      if (some.length === 0) continue;
      const end = (path: StorePath, result: BuildResult) => waiting.get(path)?.end(result);
      const options: RealiseOptions = {
        repair,
        contentAddresses: new Map(
          some.flatMap(([path, { contentAddress }]) => (contentAddress === undefined ? [] : [[path, contentAddress]])),
        ),
        concurrency,
        reporter,
        signal,
        realised: path => end(path, succeeded('Substituted')),
      };
      try {
        const paths = some.map(([path]) => path);
        const failures = await realisePaths(store, substituters, paths, options);
        for (const failure of failures) end(failure.path, failureOf(failure));
        // Somebody else has made the others valid meanwhile.
        for (const path of paths) end(path, succeeded('Substituted'));
      } catch (error) {
        // Whether it was called off is for those to see who wait.
        for (const [path] of some) end(path, failureOf({ error, wasTried: true }));
      }
    }
  }
}

/** C++ Nix has one status for both; what asked for the path may do without it in the first case. */
function failureOf({ error, wasTried }: { readonly error: unknown; readonly wasTried: boolean }): BuildResult {
  return failed(wasTried ? 'TransientFailure' : 'NoSubstituters', messageOf(error));
}
