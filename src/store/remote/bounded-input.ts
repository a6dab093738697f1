import type { Readable } from 'node:stream';
import type { ByteIterator, ByteSource } from '../../nix-compat/index.ts';
import type { SocketAttention } from './socket-attention.ts';

/** Bytes that may wait to be read, beyond which the stream is paused. */
const limit = 256 * 1024;

type Attention = Pick<SocketAttention, 'heard' | 'receive'>;

/**
 * What comes from a stream, read ahead as far as the limit: so that its end is noticed also while nobody asks for more, as
 * during a build for a client that may have gone.
 */
export class BoundedInput implements ByteSource {
  readonly #stream: Readable;
  readonly #attention: Attention | undefined;
  readonly #chunks: Uint8Array[] = [];
  readonly #ended = new AbortController();
  #size = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** `attention` is for the stream's socket, if it is one. */
  constructor(stream: Readable, attention?: Attention) {
    this.#stream = stream;
    this.#attention = attention;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => this.#end());
    stream.on('close', () => this.#end());
    stream.on('error', error => {
      this.#failure ??= error;
      this.#end();
    });
  }

  /** Aborted at the end of the stream. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** To be gone through once. Throws what the stream fails with. */
  [Symbol.asyncIterator](): ByteIterator {
    // No generator: a daemon's requests are small, and each would pass its queue.
    return { next: () => this.#next(), ready: () => this.#ready() };
  }

  #ready(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      // What waits in the stream has come before what is in the socket.
      const isEmpty = this.#stream.readableLength === 0 && !this.#stream.isPaused();
      return isEmpty && !this.#ended.signal.aborted ? this.#attention?.receive() : undefined;
    }
    this.#size -= chunk.byteLength;
    if (this.#size < limit && this.#stream.isPaused()) this.#stream.resume();
    return chunk;
  }

  async #next(): Promise<IteratorResult<Uint8Array, void>> {
    for (;;) {
      const chunk = this.#ready();
      if (chunk !== undefined) return { done: false, value: chunk };
      if (this.#ended.signal.aborted) {
        // Whoever is gone without a word has ended, too.
        if (this.#failure !== undefined && !isHangUp(this.#failure)) throw this.#failure;
        return { done: true, value: undefined };
      }
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }

  #take(chunk: Uint8Array): void {
    this.#attention?.heard();
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    if (this.#size >= limit) this.#stream.pause();
    this.#wakeUp();
  }

  #end(): void {
    this.#ended.abort();
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function isHangUp(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}
