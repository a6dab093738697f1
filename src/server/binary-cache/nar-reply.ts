import type { ServerResponse } from 'node:http';
import { hasRoom } from '../../store/index.ts';
import type { ByteRange } from '../http/byte-range.ts';

/**
 * What a NAR is rendered to: the body of an answer, or the part of one that is wanted. The client's leaving aborts `signal`;
 * one that was not ended is broken off, so that nobody takes a part for the whole.
 */
export class NarReply implements AsyncDisposable {
  readonly #response: ServerResponse;
  readonly #range: ByteRange | undefined;
  readonly #gone = new AbortController();
  #at = 0;
  #isEnded = false;

  constructor(response: ServerResponse, range: ByteRange | undefined) {
    this.#response = response;
    this.#range = range;
    response.once('close', () => this.#gone.abort());
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  write(chunk: Uint8Array): void {
    const wanted = this.#wantedOf(chunk);
    this.#at += chunk.byteLength;
    // The bytes are lent.
    if (wanted.byteLength > 0 && !this.#gone.signal.aborted) this.#response.write(Buffer.from(wanted));
  }

  #wantedOf(chunk: Uint8Array): Uint8Array {
    if (this.#range === undefined) return chunk;
    const { start, end } = this.#range;
    return chunk.subarray(Math.max(0, start - this.#at), Math.max(0, end - this.#at));
  }

  async drain(): Promise<void> {
    await hasRoom(this.#response);
    this.#gone.signal.throwIfAborted();
  }

  end(): void {
    this.#isEnded = true;
    this.#response.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isEnded) this.#response.destroy();
    return Promise.resolve();
  }
}
