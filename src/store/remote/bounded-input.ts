import type { Readable } from 'node:stream';

/** Bytes that may wait to be read, beyond which the stream is paused. */
const limit = 256 * 1024;

/**
 * What comes from a stream, read ahead as far as the limit: so that its end is noticed also while nobody asks for more, as
 * during a build for a client that may have gone.
 */
export class BoundedInput implements AsyncIterable<Uint8Array> {
  readonly #stream: Readable;
  readonly #chunks: Uint8Array[] = [];
  readonly #ended = new AbortController();
  #size = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
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
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, void, undefined> {
    // No generator: a daemon's requests are small, and each would pass its queue.
    return { next: () => this.#next() };
  }

  async #next(): Promise<IteratorResult<Uint8Array, void>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#size -= chunk.byteLength;
        if (this.#size < limit && this.#stream.isPaused()) this.#stream.resume();
        return { done: false, value: chunk };
      }
      if (this.#ended.signal.aborted) {
        // Whoever is gone without a word has ended, too.
        if (this.#failure !== undefined && !isHangUp(this.#failure)) throw this.#failure;
        return { done: true, value: undefined };
      }
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }

  #take(chunk: Uint8Array): void {
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
