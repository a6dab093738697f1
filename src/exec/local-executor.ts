import { spawn } from 'node:child_process';
import { displayBytes, errnoOf, systemErrorText } from '../base/index.ts';
import type { Action } from './action.ts';
import { ExecError } from './error.ts';
import type { Executor, RunOptions } from './executor.ts';
import type { Outcome } from './outcome.ts';

/** Starts the processes itself. */
export class LocalExecutor implements Executor {
  async run(action: Action, { signal, output }: RunOptions): Promise<Outcome> {
    if (action.place.kind === 'sandbox') throw new ExecError('exec/no-sandbox', 'there are no sandboxes yet');
    const [argv0, ...args] = action.argv.map(displayBytes);
    const environment = Object.fromEntries(
      Array.from(action.environment, ([name, value]) => [displayBytes(name), displayBytes(value)]),
    );
    const child = spawn(displayBytes(action.program), args, {
      argv0: argv0 ?? '',
      env: environment,
      cwd: displayBytes(action.workingFolder),
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    child.stdout.on('data', output);
    child.stderr.on('data', output);
    return new Promise((resolve, reject) => {
      child.on('error', error => {
        if (signal?.aborted === true) reject(signal.reason);
        else resolve({ kind: 'not-executable', errno: errnoOf(error) ?? '', reason: systemErrorText(error) });
      });
      child.on('close', (status, killer) => {
        if (signal?.aborted === true) reject(signal.reason);
        else resolve(killer === null ? { kind: 'exited', status: status ?? 0 } : { kind: 'killed', signal: killer });
      });
    });
  }

  async sandboxObstacle(): Promise<string | undefined> {
    return 'there are no sandboxes yet';
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
