import { setTimeout as sleep } from 'node:timers/promises';
import { GrpcStatus } from '../../grpc/index.ts';

export interface RetryPolicy {
  /** Calls that are made at most, the first included. */
  readonly attempts: number;
  /** Milliseconds before the second; each further wait is twice as long, up to `maxDelay`. */
  readonly delay: number;
  readonly maxDelay: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 6, delay: 100, maxDelay: 5000 };

/** Whether the same call may well go better a little later: the server was not there, or is going. */
export function isTransient(error: unknown): boolean {
  return error instanceof GrpcStatus && error.code === 'unavailable';
}

/** Counts failures in a row and waits between them. */
export class Attempts {
  readonly #policy: RetryPolicy;
  #failed = 0;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /** Something went well: what fails next is a first failure. */
  progress(): void {
    this.#failed = 0;
  }

  /** Waits until the next attempt; throws `error` where there is to be none, and when `signal` is aborted its reason. */
  async pause(error: unknown, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { attempts, delay, maxDelay } = this.#policy;
    this.#failed++;
    if (!isTransient(error) || this.#failed >= attempts) throw error;
    const wait = Math.min(maxDelay, delay * 2 ** (this.#failed - 1));
    // Clients that lost their server together do not come back together.
    try {
      await sleep(wait * (0.75 + Math.random() / 2), undefined, signal === undefined ? {} : { signal });
    } catch (interrupted) {
      signal?.throwIfAborted();
      throw interrupted;
    }
  }
}

/** Calls `work` until it does not fail for a while only. */
export async function retrying<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const attempts = new Attempts(policy);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await attempts.pause(error, signal);
    }
  }
}
