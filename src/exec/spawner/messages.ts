import type { ByteString, Personality } from '../../base/index.ts';
import type { Limits, UserIds } from '../action.ts';
import type { ExecErrorCode } from '../error.ts';
import type { Outcome } from '../outcome.ts';

/** A process to start, as the spawner understands it. */
export interface ProcessOrder {
  readonly program: ByteString;
  readonly argv: readonly ByteString[];
  /** `NAME=value`. */
  readonly environment: readonly ByteString[];
  readonly workingFolder: ByteString;
  readonly user?: UserIds | undefined;
  readonly umask: number;
  readonly personality: readonly Personality[];
  readonly limits: Limits;
  readonly output: 'pipe' | 'terminal';
  /** Makes the program's place: bubblewrap. It runs in the host itself unless given. */
  readonly sandbox?: SandboxOrder | undefined;
}

export interface SandboxOrder {
  /** Path of bubblewrap. */
  readonly bubblewrap: ByteString;
  /** Its arguments, without the program. */
  readonly arguments: readonly ByteString[];
  /** Contents of the descriptors that the arguments name. */
  readonly files: ReadonlyMap<number, Uint8Array>;
  /** Where the sandbox's own processes are seen, if anywhere: `/proc`. */
  readonly startPath: ByteString;
}

export type SpawnerRequest =
  | { readonly kind: 'run'; readonly run: number; readonly order: ProcessOrder }
  /** Ends a run: SIGTERM and, after five seconds, SIGKILL. */
  | { readonly kind: 'end'; readonly run: number };

export type SpawnerReply =
  | { readonly kind: 'output'; readonly run: number; readonly chunk: Uint8Array }
  | { readonly kind: 'ended'; readonly run: number; readonly result: RunResult };

export type RunResult =
  | { readonly kind: 'ran'; readonly outcome: Outcome }
  | { readonly kind: 'not-run'; readonly code: ExecErrorCode; readonly reason: string };
