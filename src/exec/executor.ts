import type { Action } from './action.ts';
import type { Outcome } from './outcome.ts';

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * Gets what the process writes, as it comes; a chunk is lent until the call returns. It is `stdout`'s unless the action
   * has two pipes: what the process wrote to one of them comes in its order, what it wrote to both in any.
   */
  readonly output: (chunk: Uint8Array, stream: OutputStream) => void;
}

export type OutputStream = 'stdout' | 'stderr';

/**
 * Runs actions on this machine. Disposing of it ends all that still runs.
 *
 * An aborted signal ends the process and all that it started (SIGTERM, and SIGKILL after five seconds); the promise then
 * rejects with the signal's reason, when nothing of the action is left.
 */
export interface Executor extends AsyncDisposable {
  /** Resolves when the process and all that it started has ended. Throws `ExecError`. */
  run(action: Action, options: RunOptions): Promise<Outcome>;
  /** Why there can be no sandboxes on this machine, if so: what to install or to enable. */
  sandboxObstacle(): Promise<string | undefined>;
}
