import type { ActionResult } from '../../proto/index.ts';
import type { ActionKey } from '../action-cache/action-cache.ts';
import type { ReapiError } from '../error.ts';
import { Changes, Waiter } from './changes.ts';
import type { ActionLogs } from './live-logs.ts';

/** What became of an action. */
export type ExecutionOutcome =
  | { readonly kind: 'ended'; readonly result: ActionResult; readonly isCached: boolean }
  /** `result` has what there is of one that was begun. */
  | { readonly kind: 'failed'; readonly error: ReapiError; readonly result?: ActionResult | undefined };

/** Where an execution is. Times are in milliseconds since the epoch. */
export type OperationState =
  | { readonly stage: 'cache-check' | 'queued'; readonly queuedAt: number }
  | {
      readonly stage: 'executing';
      readonly queuedAt: number;
      readonly startedAt: number;
      /** Resource names of what the action writes. */
      readonly logs: ActionLogs['names'];
    }
  | { readonly stage: 'completed'; readonly queuedAt: number; readonly outcome: ExecutionOutcome };

/** What a client asked for once, and can ask about until it is forgotten; several may share one execution. */
export class Operation {
  readonly name: string;
  readonly key: ActionKey;
  #state: OperationState;
  readonly #changes = new Changes();

  constructor(name: string, key: ActionKey, state: OperationState) {
    this.name = name;
    this.key = key;
    this.#state = state;
  }

  get state(): OperationState {
    return this.#state;
  }

  /** For the queue. What is completed stays as it is. */
  update(state: OperationState): void {
    if (this.#state.stage === 'completed') return;
    this.#state = state;
    this.#changes.announce();
  }

  /** The state now, and each that it comes to until it is completed; who is slow misses some, not the last. */
  async *watch(signal: AbortSignal): AsyncGenerator<OperationState, void> {
    using waiter = new Waiter(signal);
    for (;;) {
      const change = this.#changes.next;
      const state = this.#state;
      yield state;
      if (state.stage === 'completed') return;
      if (this.#state === state) await waiter.until(change);
    }
  }
}
