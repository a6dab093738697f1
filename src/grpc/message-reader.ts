import { GrpcStatus } from './grpc-status.ts';

/** Bytes before each message: a flag and the length, big-endian. */
export const prefixSize = 5;

/** Memory for a message grows as its bytes arrive: an announced length alone costs nothing. */
const firstAllocation = 128 * 1024;

/** Cuts a stream of bytes into messages, wherever its chunks are cut. */
export class MessageReader {
  readonly #limit: number;
  readonly #isLent: boolean;
  /** Of messages that were taken, to be used again. */
  #spare: Uint8Array | undefined;
  readonly #prefix = new Uint8Array(prefixSize);
  #prefixLength = 0;
  #body: Uint8Array | undefined;
  #bodyLength = 0;
  #bodySize = 0;

  /** `limit` in bytes, of one message. With `isLent` a message is done with when the next one begins. */
  constructor(limit: number, isLent = false) {
    this.#limit = limit;
    this.#isLent = isLent;
  }

  /** Bytes that are held: of a message that is not complete, or for the next one. */
  get held(): number {
    return (this.#body?.byteLength ?? 0) + (this.#spare?.byteLength ?? 0);
  }

  /**
   * Reads up to the end of a message, which `take` is called with, or of the chunk; returns the bytes that were used. A
   * message that lies in `chunk` as a whole is not copied. Throws `resourceExhausted` for one beyond the limit,
   * `unimplemented` for a compressed one.
   */
  push(chunk: Uint8Array, take: (message: Uint8Array) => void): number {
    let at = 0;
    if (this.#prefixLength < prefixSize) {
      const length = Math.min(prefixSize - this.#prefixLength, chunk.byteLength);
      for (let i = 0; i < length; i++) this.#prefix[this.#prefixLength + i] = chunk[i] ?? 0;
      this.#prefixLength += length;
      at = length;
      if (this.#prefixLength < prefixSize) return at;
      this.#bodySize = this.#readPrefix();
    }
    const wanted = this.#bodySize - this.#bodyLength;
    const present = Math.min(wanted, chunk.byteLength - at);
    if (this.#bodyLength === 0 && present === wanted) {
      this.#prefixLength = 0;
      take(chunk.subarray(at, at + present));
    } else if (present > 0) {
      this.#append(chunk.subarray(at, at + present));
      if (this.#bodyLength === this.#bodySize) take(this.#finishBody());
    }
    return at + present;
  }

  /** Throws `internal` where the stream may not end. */
  finish(): void {
    if (this.#prefixLength > 0) throw new GrpcStatus('internal', 'the stream ended in the middle of a message');
  }

  #readPrefix(): number {
    const [flag = 0, a = 0, b = 0, c = 0, d = 0] = this.#prefix;
    if (flag === 1) {
      throw new GrpcStatus('unimplemented', 'a compressed message: only the encoding identity is spoken');
    }
    if (flag !== 0) throw new GrpcStatus('internal', `a message begins with ${flag}, not with 0 or 1`);
    const size = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
    if (size > this.#limit) {
      throw new GrpcStatus('resourceExhausted', `a message of ${size} bytes is beyond the limit of ${this.#limit}`);
    }
    return size;
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#bodyLength + bytes.byteLength;
    if (this.#body === undefined || needed > this.#body.byteLength) {
      const size = Math.min(this.#bodySize, Math.max(firstAllocation, 2 * needed));
      const body = this.#allocate(size);
      if (this.#body !== undefined) body.set(this.#body.subarray(0, this.#bodyLength));
      this.#body = body;
    }
    this.#body.set(bytes, this.#bodyLength);
    this.#bodyLength = needed;
  }

  #allocate(size: number): Uint8Array {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare !== undefined && spare.byteLength >= size ? spare : Buffer.allocUnsafeSlow(size);
  }

  #finishBody(): Uint8Array {
    const body = this.#body?.subarray(0, this.#bodySize) ?? new Uint8Array(0);
    if (this.#isLent) this.#spare = this.#body;
    this.#body = undefined;
    this.#bodyLength = 0;
    this.#prefixLength = 0;
    return body;
  }
}
