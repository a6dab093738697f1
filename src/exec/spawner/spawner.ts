import { type ChildProcess, spawn } from 'node:child_process';
import { entryFile } from '../../base/index.ts';
import { ExecError } from '../error.ts';
import type { OutputStream } from '../executor.ts';
import { killGroup } from './kill-processes.ts';
import type { ProcessOrder, RunResult, SpawnerReply, SpawnerRequest } from './messages.ts';

interface PendingRun {
  /** Its process group, if it is in the host. */
  group?: number;
  readonly output: (chunk: Uint8Array, stream: OutputStream) => void;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A process that starts those of actions (docs/adr/0007). It is started at the first need, and started anew if it was
 * killed. What it runs keeps this process alive; it itself does not.
 */
export class Spawner implements AsyncDisposable {
  #child: ChildProcess | undefined;
  #lastRun = 0;
  readonly #runs = new Map<number, PendingRun>();
  #hasEnded = false;

  /** Starts the spawner, so that the first run need not wait for it. */
  start(): void {
    this.#started();
  }

  /** Resolves when nothing is left of what was run; `signal` asks for an early end. */
  run(
    order: ProcessOrder,
    {
      output,
      signal,
    }: {
      readonly output: (chunk: Uint8Array, stream: OutputStream) => void;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<RunResult> {
    const run = ++this.#lastRun;
    return new Promise<RunResult>((resolve, reject) => {
      const child = this.#started();
      const end = (): void => this.#send(child, { kind: 'end', run });
      const settle = (): void => {
        signal?.removeEventListener('abort', end);
        this.#runs.delete(run);
        if (this.#runs.size === 0) child.channel?.unref();
      };
      this.#runs.set(run, {
        output,
        resolve: result => {
          settle();
          resolve(result);
        },
        reject: error => {
          settle();
          reject(error);
        },
      });
      child.channel?.ref();
      this.#send(child, { kind: 'run', run, order });
      signal?.addEventListener('abort', end);
    });
  }

  #send(child: ChildProcess, request: SpawnerRequest): void {
    // An error means that it has ended, which its exit tells.
    child.send(request, () => undefined);
  }

  #started(): ChildProcess {
    if (this.#hasEnded) throw new ExecError('exec/no-process', 'the executor has ended');
    if (this.#child !== undefined) return this.#child;
    const { NODE_COMPILE_CACHE: cache } = process.env;
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', entryFile(import.meta.filename, 'spawner-entry')],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        serialization: 'advanced',
        // A session of its own: what a terminal sends to us is ours to pass on.
        detached: true,
        cwd: '/',
        env: cache === undefined ? {} : { NODE_COMPILE_CACHE: cache },
      },
    );
    child.on('message', (reply: SpawnerReply) => this.#receive(reply));
    child.on('error', error => this.#lose(child, error.message));
    child.on('exit', (status, signal) => this.#lose(child, signal ?? `status ${status}`));
    child.unref();
    child.channel?.unref();
    this.#child = child;
    return child;
  }

  #receive(reply: SpawnerReply): void {
    const run = this.#runs.get(reply.run);
    if (run === undefined) return;
    if (reply.kind === 'output') run.output(reply.chunk, reply.stream);
    else if (reply.kind === 'started') run.group = reply.group;
    else run.resolve(reply.result);
  }

  #lose(child: ChildProcess, why: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    const error = new ExecError('exec/no-process', `the process that starts others has ended: ${why}`);
    for (const { group, reject } of this.#runs.values()) {
      // Those in sandboxes have ended with their parent.
      if (group === undefined) reject(error);
      else void killGroup(group).finally(() => reject(error));
    }
  }

  /** Ends all that runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    const child = this.#child;
    if (child === undefined) return;
    await new Promise<void>(resolve => {
      child.once('exit', () => resolve());
      child.ref();
      child.disconnect();
    });
  }
}
