import type { Readable, Writable } from 'node:stream';
import type { ByteSource } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { BoundedInput } from './bounded-input.ts';
import type { ByteChannel } from './byte-channel.ts';
import type { SocketAttention } from './socket-attention.ts';

/** A channel over two streams, which may be one: a process's standard streams, a socket, a pipe in memory. */
export class StreamChannel implements ByteChannel {
  readonly source: ByteSource;
  readonly ended: AbortSignal;
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #closed = new AbortController();

  /** `attention` is for the socket that both are. */
  constructor(readable: Readable, writable: Writable, attention?: SocketAttention) {
    const input = new BoundedInput(readable, attention);
    this.source = input;
    this.ended = input.ended;
    this.#readable = readable;
    this.#writable = writable;
    writable.on('error', () => this.#closed.abort());
    writable.on('close', () => this.#closed.abort());
  }

  get isCongested(): boolean {
    return this.#writable.writableNeedDrain;
  }

  get waitingSize(): number {
    return this.#writable.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#closed.signal.aborted || this.#writable.writableEnded) return;
    this.#writable.write(Buffer.from(bytes));
  }

  async drain(): Promise<void> {
    const { signal } = this.#closed;
    if (!signal.aborted && this.#writable.writableNeedDrain) {
      await new Promise<void>(resolve => {
        const settle = () => {
          this.#writable.off('drain', settle);
          signal.removeEventListener('abort', settle);
          resolve();
        };
        this.#writable.once('drain', settle);
        signal.addEventListener('abort', settle);
      });
    }
    if (signal.aborted) throw new StoreError('remote/disconnected', 'unexpected end-of-file: nobody reads any more');
  }

  end(): void {
    this.#writable.end();
  }

  destroy(): void {
    this.#readable.destroy();
    this.#writable.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }
}
