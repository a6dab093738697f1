import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { systemErrorText } from '../../base/index.ts';
import type { ByteSource } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { ByteChannel } from './byte-channel.ts';
import { StreamChannel } from './stream-channel.ts';

/** Milliseconds that a program gets to end once its input has: it may be making something durable. */
const graceTime = 10_000;

export interface ProgramOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gets what it writes to standard error, which goes where ours goes unless given. A chunk is lent until the call returns. */
  readonly errors?: ((chunk: Uint8Array) => void) | undefined;
}

type Program = ChildProcessByStdio<Writable, Readable, Readable | null>;

/** A program to speak to through its standard streams. It is reaped when disposed of. */
export class ProgramChannel implements ByteChannel {
  readonly source: ByteSource;
  readonly ended: AbortSignal;
  readonly #streams: StreamChannel;
  readonly #child: Program;
  readonly #gone: Promise<void>;

  private constructor(child: Program) {
    this.#child = child;
    this.#streams = new StreamChannel(child.stdout, child.stdin);
    this.source = this.#streams.source;
    this.ended = this.#streams.ended;
    // What it has written by then is read.
    this.#gone = new Promise(resolve => child.once(child.stderr === null ? 'exit' : 'close', () => resolve()));
  }

  /** Throws `remote/unreachable` where the program cannot be run. */
  static async start(argv: readonly [string, ...string[]], options: ProgramOptions): Promise<ProgramChannel> {
    const [program, ...args] = argv;
    const { environment, errors } = options;
    const env = { ...environment };
    const child: Program =
      errors === undefined
        ? spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] })
        : spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    if (errors !== undefined) child.stderr?.on('data', errors);
    const channel = new ProgramChannel(child);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', cause => {
        const message = `unable to execute '${program}': ${systemErrorText(cause)}`;
        reject(new StoreError('remote/unreachable', message, { cause }));
      });
    });
    // Of signals that could not be sent: it is gone.
    child.on('error', () => undefined);
    return channel;
  }

  get isCongested(): boolean {
    return this.#streams.isCongested;
  }

  get waitingSize(): number {
    return this.#streams.waitingSize;
  }

  write(bytes: Uint8Array): void {
    this.#streams.write(bytes);
  }

  drain(): Promise<void> {
    return this.#streams.drain();
  }

  end(): void {
    this.#streams.end();
  }

  destroy(): void {
    this.#streams.destroy();
    this.#child.kill('SIGTERM');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#streams.end();
    // What it still has to say is of no interest, but must not keep it from ending.
    this.#child.stdout.resume();
    const impatience = [
      setTimeout(() => this.#child.kill('SIGTERM'), graceTime),
      setTimeout(() => this.#child.kill('SIGKILL'), 2 * graceTime),
    ];
    await this.#gone;
    for (const timer of impatience) clearTimeout(timer);
    this.#streams.destroy();
  }
}
