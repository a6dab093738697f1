import type { OutputStream } from '../../exec/index.ts';
import type { ActionResult } from '../../proto/index.ts';
import type { ActionKey } from '../action-cache/action-cache.ts';
import type { ReapiError } from '../error.ts';
import type { ActionPlan } from './action-plan.ts';
import type { PlatformOffer } from './platform.ts';

/** An action to execute. */
export interface ActionJob {
  readonly key: ActionKey;
  readonly plan: ActionPlan;
  /** When it was queued, in milliseconds since the epoch. */
  readonly queuedAt: number;
}

export interface ExecutionOptions {
  /** Ends the action; `execute` then rejects with its reason. */
  readonly signal: AbortSignal;
  /** Gets what the action writes, as it comes; a chunk is lent until the call returns. */
  readonly output?: ((chunk: Uint8Array, stream: OutputStream) => void) | undefined;
  /** Told whether the action waits for others, which may need its place for what it waits for. */
  readonly waits?: ((isWaiting: boolean) => void) | undefined;
  /** Called with the result of an action that ended by itself, while nothing that it names can be collected. */
  readonly record: (result: ActionResult) => Promise<void>;
}

/** How an execution ended. */
export type Executed =
  /** By itself, whatever its exit code. */
  | { readonly kind: 'ended'; readonly result: ActionResult }
  /** It was ended, or what it left cannot be given back; `result` has what there is. */
  | { readonly kind: 'failed'; readonly error: ReapiError; readonly result: ActionResult };

/** Somebody who executes actions: this machine, another one, a farm. */
export interface ActionExecutor extends AsyncDisposable {
  /** For `ExecutedActionMetadata`. */
  readonly name: string;
  /** How many it executes at a time. */
  readonly slots: number;
  readonly offer: PlatformOffer;
  /**
   * Throws `ReapiError`s for what stands in the way of the action: absent blobs, what it wants of the machine, a machine
   * that cannot execute; and the signal's reason.
   */
  execute(job: ActionJob, options: ExecutionOptions): Promise<Executed>;
}
