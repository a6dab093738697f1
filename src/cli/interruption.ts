import { CliError } from './error.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * How long after the first signal others mean the same, in milliseconds: `timeout`, `npm` and terminals send to a process and to
 * its group, and one who presses Ctrl-C twice takes longer.
 */
const sameRequest = 300;

/**
 * Turns the signals by which a user ends a command into an `AbortSignal`. Only commands that ask for it catch them: others, and all
 * from the second request on, end at once as the operating system has it.
 */
export class Interruption implements Disposable {
  #controller: AbortController | undefined;
  #patience: NodeJS.Timeout | undefined;

  /** Aborted with `command/interrupted`. Whoever asks for it sees to it that the event loop gets its turns. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      for (const name of signals) process.on(name, this.#interrupt);
    }
    return this.#controller.signal;
  }

  /** Why the command has to end, if it has to. */
  get reason(): CliError | undefined {
    const reason: unknown = this.#controller?.signal.reason;
    return reason instanceof CliError ? reason : undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#patience);
    for (const name of signals) process.off(name, this.#interrupt);
  }

  readonly #interrupt = (): void => {
    if (this.#patience !== undefined) return;
    this.#patience = setTimeout(() => this[Symbol.dispose](), sameRequest).unref();
    this.#controller?.abort(new CliError('command/interrupted', 'interrupted by the user'));
  };
}
