import { CliError } from './error.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns the signals by which a user ends a command into an `AbortSignal`. Only commands that ask for it catch them:
 * others, and all from the second signal on, end at once as the operating system has it.
 */
export class Interruption implements Disposable {
  #controller: AbortController | undefined;

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
    for (const name of signals) process.off(name, this.#interrupt);
  }

  readonly #interrupt = (): void => {
    this[Symbol.dispose]();
    this.#controller?.abort(new CliError('command/interrupted', 'interrupted by the user'));
  };
}
