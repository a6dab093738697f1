import type { ActionJob } from '../execution/action-executor.ts';
import type { Operation, OperationState } from './operation.ts';

/** One execution, of all the operations that asked for the same action meanwhile. */
export class Job {
  readonly action: ActionJob;
  /** Of those that came earlier, less; breaks ties between equal priorities. */
  readonly serial: number;
  /** The lower the sooner: of the operation that is in the greatest hurry. */
  priority: number;
  /** Whether its action waits for others, which have its slot meanwhile. */
  isWaiting = false;
  readonly #operations = new Set<Operation>();
  readonly #abort = new AbortController();
  #state: OperationState;

  constructor(action: ActionJob, { serial, priority }: { readonly serial: number; readonly priority: number }) {
    this.action = action;
    this.serial = serial;
    this.priority = priority;
    this.#state = { stage: 'cache-check', queuedAt: action.queuedAt };
  }

  get state(): OperationState {
    return this.#state;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** A copy: they may leave meanwhile. */
  get operations(): Operation[] {
    return [...this.#operations];
  }

  add(operation: Operation): void {
    this.#operations.add(operation);
    operation.update(this.#state);
  }

  /** Whether it was one of its, and the last. */
  leave(operation: Operation): boolean {
    return this.#operations.delete(operation) && this.#operations.size === 0;
  }

  update(state: OperationState): void {
    this.#state = state;
    for (const operation of this.#operations) operation.update(state);
  }

  end(reason: Error): void {
    this.#abort.abort(reason);
  }
}
