import { GrpcStatus } from './grpc-status.ts';

/** Bytes before each message: a flag and the length, big-endian. */
export const prefixSize = 5;

/** Memory for a message grows as its bytes arrive: an announced length alone costs nothing. */
const firstAllocation = 128 * 1024;

/** Cuts a stream of bytes into messages, wherever its chunks are cut. */
export class MessageReader {
  readonly #limit: number;
  readonly #prefix = new Uint8Array(prefixSize);
  #prefixLength = 0;
  #body: Uint8Array | undefined;
  #bodyLength = 0;
  #bodySize = 0;

  /** In bytes, of one message. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that are held of a message which is not complete. */
  get held(): number {
    return this.#body?.byteLength ?? 0;
  }

  /**
   * Calls `take` with each message that `chunk` completes; where it lies in `chunk` as a whole it is not copied.
   * Throws `resourceExhausted` for one beyond the limit, `unimplemented` for a compressed one.
   */
  push(chunk: Uint8Array, take: (message: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#prefixLength < prefixSize) {
        const length = Math.min(prefixSize - this.#prefixLength, chunk.byteLength - at);
        for (let i = 0; i < length; i++) this.#prefix[this.#prefixLength + i] = chunk[at + i] ?? 0;
        this.#prefixLength += length;
        at += length;
        if (this.#prefixLength < prefixSize) return;
        this.#bodySize = this.#readPrefix();
      }
      const wanted = this.#bodySize - this.#bodyLength;
      const present = Math.min(wanted, chunk.byteLength - at);
      if (this.#bodyLength === 0 && present === wanted) {
        this.#prefixLength = 0;
        take(chunk.subarray(at, at + present));
      } else {
        this.#append(chunk.subarray(at, at + present));
        if (this.#bodyLength === this.#bodySize) take(this.#finishBody());
      }
      at += present;
    }
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
      const body = Buffer.allocUnsafeSlow(size);
      if (this.#body !== undefined) body.set(this.#body.subarray(0, this.#bodyLength));
      this.#body = body;
    }
    this.#body.set(bytes, this.#bodyLength);
    this.#bodyLength = needed;
  }

  #finishBody(): Uint8Array {
    const body = this.#body?.subarray(0, this.#bodySize) ?? new Uint8Array(0);
    this.#body = undefined;
    this.#bodyLength = 0;
    this.#prefixLength = 0;
    return body;
  }
}
