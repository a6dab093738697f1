import { messageOf, type Reporter } from '../../base/index.ts';
import { type BuildResult, type ContentAddress, type StorePath } from '../../nix-compat/index.ts';
import { type RealiseOptions, type Store, type Substituters, noSubstituter, realisePaths } from '../../store/index.ts';
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
  readonly contentAddress: ContentAddress | undefined;
  readonly end: (result: BuildResult) => void;
  readonly callOff: (reason: unknown) => void;
}

type WaitingPaths = Map<StorePath, Waiting>;

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
  #missing: WaitingPaths = new Map();
  #toRenew: WaitingPaths = new Map();
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
    if (substituters === undefined) return failed('NoSubstituters', messageOf(noSubstituter(store.storeDir, path)));
    const { promise, resolve, reject } = Promise.withResolvers<BuildResult>();
    const waiting = repair ? this.#toRenew : this.#missing;
    waiting.set(path, { contentAddress, end: resolve, callOff: reject });
    if (!this.#isScheduled) setImmediate(() => void this.#substituteAll(substituters));
    this.#isScheduled = true;
    return promise;
  }

  async #substituteAll(substituters: Substituters): Promise<void> {
    const missing = this.#missing;
    const toRenew = this.#toRenew;
    this.#missing = new Map();
    this.#toRenew = new Map();
    this.#isScheduled = false;
    await this.#substitute(substituters, missing, false);
    await this.#substitute(substituters, toRenew, true);
  }

  async #substitute(substituters: Substituters, waiting: WaitingPaths, repair: boolean): Promise<void> {
    if (waiting.size === 0) return;
    const { store, concurrency, reporter, signal } = this.#options;
    const end = (path: StorePath, result: BuildResult) => waiting.get(path)?.end(result);
    const contentAddresses = new Map<StorePath, ContentAddress>();
    for (const [path, { contentAddress }] of waiting)
      if (contentAddress !== undefined) contentAddresses.set(path, contentAddress);
    const realised = (path: StorePath) => end(path, succeeded('Substituted'));
    const options: RealiseOptions = { repair, contentAddresses, concurrency, reporter, signal, realised };
    try {
      const failures = await realisePaths(store, substituters, waiting.keys(), options);
      for (const failure of failures) end(failure.path, failureOf(failure));
      // Somebody else has made the others valid meanwhile.
      for (const path of waiting.keys()) realised(path);
    } catch (error) {
      for (const { end: fail, callOff } of waiting.values()) {
        if (signal.aborted) callOff(signal.reason);
        else fail(failureOf({ error, wasTried: true }));
      }
    }
  }
}

/** C++ Nix has one status for both; what asked for the path may do without it in the first case. */
function failureOf({ error, wasTried }: { readonly error: unknown; readonly wasTried: boolean }): BuildResult {
  return failed(wasTried ? 'TransientFailure' : 'NoSubstituters', messageOf(error));
}
