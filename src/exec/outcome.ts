/** How the run of an action ended. */
export type Outcome =
  | (Usage & { readonly kind: 'exited'; readonly status: number })
  /** `signal` is its name: `SIGKILL`. */
  | (Usage & { readonly kind: 'killed'; readonly signal: NodeJS.Signals })
  /** The program could not be executed; `reason` is the operating system's word for why (`No such file or directory`). */
  | { readonly kind: 'not-executable'; readonly errno: string; readonly reason: string }
  /** It reached one of the action's limits, and was killed. */
  | (Usage & { readonly kind: 'limit-reached'; readonly limit: 'time' | 'silence' | 'output' });

/** Of the process and all that it started and waited for; undefined where the system does not tell. */
export interface Usage {
  /** In microseconds. */
  readonly cpuUser?: bigint | undefined;
  readonly cpuSystem?: bigint | undefined;
  /** The most that one of them had in memory, in bytes. */
  readonly peakMemory?: bigint | undefined;
  /** Limits of `Resources` that some process of it came up against: it was killed, or could not be started. */
  readonly reached?: readonly ReachedLimit[] | undefined;
}

export type ReachedLimit = 'memory' | 'processes';
