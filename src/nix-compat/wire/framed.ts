import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** C++ Nix counts in 32 bits what it reads, and holds a whole frame in memory. */
const maxFrameSize = 2 ** 32 - 1;
const maxWrittenFrameSize = 1024 * 1024;

/**
 * A stream within a stream, in frames: each its length and its bytes, unpadded, until one of length 0. It must be read
 * or drained to its end before the outer stream goes on. What it holds may be read by a WireReader of its own.
 */
export class FramedReader implements AsyncIterable<Uint8Array> {
  readonly #reader: WireReader;
  /** Bytes of the frame that are to come. */
  #left = 0;
  #finished = false;
  /** Once it has failed nothing of it can be read any more. */
  #failure: { readonly error: unknown } | undefined;

  constructor(reader: WireReader) {
    this.#reader = reader;
  }

  /** The next bytes, which need not be a frame; undefined at the end. Lent until the next read. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return await this.#next();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#left === 0 && !this.#finished) {
      this.#reader.startMessage();
      this.#left = await this.#reader.number(maxFrameSize);
      this.#finished = this.#left === 0;
    }
    if (this.#finished) return undefined;
    const chunk = await this.#reader.chunk(this.#left);
    this.#left -= chunk.length;
    return chunk;
  }

  /** Each chunk is lent until the next is asked for. Whoever stops early may go on later, or `drain`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await this.chunk(); chunk !== undefined; chunk = await this.chunk()) yield chunk;
  }

  /** Reads the rest and forgets it. */
  async drain(): Promise<void> {
    while ((await this.chunk()) !== undefined);
  }
}

/** Writes what FramedReader reads. `write` gets the bytes in order and must be done with them when it returns. */
export class FramedWriter {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #number = new WireWriter();

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += maxWrittenFrameSize) {
      const frame = bytes.subarray(at, at + maxWrittenFrameSize);
      this.#writeLength(frame.length);
      this.#write(frame);
    }
  }

  end(): void {
    this.#writeLength(0);
  }

  #writeLength(length: number): void {
    this.#number.number(length);
    this.#write(this.#number.take());
  }
}
