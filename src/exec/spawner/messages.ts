import type { Limits, OutputKind, UserIds } from '../action.ts';
import type { OutputStream } from '../executor.ts';
import type { Outcome } from '../outcome.ts';

/** A process to start, as the spawner understands it. */
export interface ProcessOrder {
  /** An executable that becomes the action's program (`start/`). */
  readonly program: Uint8Array;
  /** The call of it that tells the program's process id, if that is another process: in a sandbox. */
  readonly cloneEntry: number | undefined;
  readonly user: UserIds | undefined;
  /** What the program's process is given once it is in a user namespace of its own, where it waits for that. */
  readonly ids: { readonly first: UserIds; readonly count: number } | undefined;
  /** Folders of the control groups that it is put into before it goes on. */
  readonly controlGroups: readonly string[];
  readonly limits: Limits;
  readonly output: OutputKind;
  readonly endsWithOutput: boolean;
}

export type SpawnerRequest =
  | { readonly kind: 'run'; readonly run: number; readonly order: ProcessOrder }
  /** Ends a run: SIGTERM and, after five seconds, SIGKILL. */
  | { readonly kind: 'end'; readonly run: number };

export type SpawnerReply =
  /** Of a process in the host: `group` is its own process group, which is to be killed if the spawner was. */
  | { readonly kind: 'started'; readonly run: number; readonly group: number }
  | { readonly kind: 'output'; readonly run: number; readonly chunk: Uint8Array; readonly stream: OutputStream }
  | { readonly kind: 'ended'; readonly run: number; readonly result: RunResult };

export type RunResult =
  | { readonly kind: 'ran'; readonly outcome: Outcome }
  /** The process could not be given its ids. */
  | { readonly kind: 'no-ids'; readonly errno: string }
  /** The process could not be put into its control group. */
  | { readonly kind: 'no-control-group'; readonly errno: string }
  /** The process could not be started. */
  | { readonly kind: 'not-started'; readonly errno: string }
  /** A call of the executable failed; none if it ended without a word. */
  | { readonly kind: 'failed'; readonly entry?: number | undefined; readonly errno: string };
