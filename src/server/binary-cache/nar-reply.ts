import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type NarDestination, hasRoom, narChunkSize } from '../../store/index.ts';
import type { ByteRange } from '../http/byte-range.ts';

/** Chunks that are kept for the next NAR when nobody needs them. */
const mostSpare = 32;

const spare: Buffer[] = [];

/** Bytes that one client gets before others have their turn: while the system takes all at once, nothing else would let them. */
const turn = 1024 * 1024;

/**
 * What a NAR is rendered to: the body of an answer, or the part of one that is wanted. The client's leaving aborts `signal`;
 * one that was not ended is broken off, so that nobody takes a part for the whole.
 */
export class NarReply implements NarDestination, AsyncDisposable {
  readonly #response: ServerResponse;
  readonly #range: ByteRange | undefined;
  readonly #gone = new AbortController();
  #at = 0;
  #turnEnd = turn;
  #isEnded = false;

  constructor(response: ServerResponse, range: ByteRange | undefined) {
    this.#response = response;
    this.#range = range;
    response.once('close', () => this.#gone.abort());
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  takeBuffer(): Buffer {
    return spare.pop() ?? Buffer.allocUnsafeSlow(narChunkSize);
  }

  write(chunk: Uint8Array): void {
    const wanted = this.#wantedOf(chunk);
    this.#at += chunk.byteLength;
    if (wanted.byteLength === 0 || this.#gone.signal.aborted) giveBack(chunk);
    // What could not be sent may still be the system's to read.
    else this.#response.write(wanted, error => (error === undefined || error === null) && giveBack(chunk));
  }

  #wantedOf(chunk: Uint8Array): Uint8Array {
    if (this.#range === undefined) return chunk;
    const { start, end } = this.#range;
    return chunk.subarray(Math.max(0, start - this.#at), Math.max(0, end - this.#at));
  }

  async drain(): Promise<void> {
    await hasRoom(this.#response);
    if (this.#at >= this.#turnEnd) {
      this.#turnEnd = this.#at + turn;
      await nextTurn();
    }
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

/** Chunks of compressed NARs are of other sizes. */
function giveBack({ buffer, byteOffset }: Uint8Array): void {
  if (byteOffset !== 0 || buffer.byteLength !== narChunkSize || spare.length >= mostSpare) return;
  spare.push(Buffer.from(buffer));
}
