import type { IncomingHttpHeaders } from 'node:http';
import type { AnswerHead, BodyFraming } from './answer-head.ts';
import { BodyDecoder } from './body-decoder.ts';
import type { HttpConnection } from './http-connection.ts';
import type { ServerAnswer, WholeBody } from './server-answer.ts';

/** Bytes that wait for whoever takes them, beyond which no more are read. */
const maxWaiting = 512 * 1024;

/** The answer of an `HttpConnection`, which is busy with it until the body has ended or is given up. */
export class ConnectionAnswer implements ServerAnswer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly #length: number | undefined;
  readonly #decoder: BodyDecoder;
  readonly #connection: HttpConnection;
  /** Copies, since what is read is lent. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Where the body is gathered, if all of it is wanted and its size is known. */
  #whole: Uint8Array | undefined;
  #limit = Infinity;
  #size = 0;
  #received: ((bytes: number) => void) | undefined;
  #isEnded = false;
  #failure: Error | undefined;
  #changed: (() => void) | undefined;

  constructor({ status, headers }: AnswerHead, framing: BodyFraming, connection: HttpConnection) {
    this.statusCode = status;
    this.headers = headers;
    this.#length = framing.kind === 'length' ? framing.length : undefined;
    this.#connection = connection;
    this.#decoder = new BodyDecoder(framing, bytes => this.#take(bytes));
    this.#isEnded = this.#decoder.isDone;
  }

  get errored(): Error | null {
    return this.#failure ?? null;
  }

  get isDone(): boolean {
    return this.#decoder.isDone;
  }

  get mayEnd(): boolean {
    return this.#decoder.mayEnd;
  }

  get isFull(): boolean {
    return this.#waitingBytes > maxWaiting;
  }

  /** As of `BodyDecoder`. */
  push(bytes: Buffer): number {
    const count = this.#decoder.push(bytes);
    if (this.#decoder.isDone) this.end();
    return count;
  }

  end(): void {
    this.#isEnded = true;
    this.#changed?.();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#changed?.();
  }

  #take(bytes: Buffer): void {
    if (this.#whole !== undefined) this.#whole.set(bytes, this.#size);
    else {
      const copy = Buffer.allocUnsafe(bytes.length);
      bytes.copy(copy);
      this.#waiting.push(copy);
      this.#waitingBytes += bytes.length;
    }
    this.#size += bytes.length;
    this.#received?.(this.#size);
    if (this.#whole === undefined) this.#changed?.();
  }

  async whole({ limit, memory }: WholeBody, received: (bytes: number) => void): Promise<Uint8Array | undefined> {
    this.#limit = limit;
    if ((this.#length ?? 0) > limit) return this.#tooMuch();
    if (this.#length !== undefined && !this.#isEnded) {
      const whole = memory?.(this.#length).subarray(0, this.#length) ?? Buffer.allocUnsafe(this.#length);
      let at = 0;
      for (const piece of this.#waiting) {
        whole.set(piece, at);
        at += piece.length;
      }
      this.#whole = whole;
      this.#drop();
    }
    this.#received = received;
    if (this.#size > 0) received(this.#size);
    while (!this.#isEnded && this.#failure === undefined) {
      await this.#change();
      if (this.#size > this.#limit) return this.#tooMuch();
      // All of it is wanted.
      if (this.#whole === undefined) this.#resume();
    }
    if (!this.#isEnded && this.#failure !== undefined) throw this.#failure;
    if (this.#size > this.#limit) return this.#tooMuch();
    return this.#whole ?? (this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting, this.#size));
  }

  gathered(): Uint8Array | undefined {
    return this.#whole?.subarray(0, this.#size);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const pieces = this.#waiting;
        this.#drop();
        for (const piece of pieces) yield piece;
        if (this.#waiting.length > 0) continue;
        if (this.#isEnded) return;
        if (this.#failure !== undefined) throw this.#failure;
        this.#resume();
        await this.#change();
      }
    } finally {
      this.destroy();
    }
  }

  #drop(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #resume(): void {
    if (!this.#isEnded) this.#connection.resume();
  }

  #tooMuch(): undefined {
    this.destroy();
    return undefined;
  }

  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#changed = resolve;
    });
  }

  destroy(): void {
    // Else the connection has done with it, and may be answering somebody else.
    if (!this.#isEnded && this.#failure === undefined) this.#connection.destroy();
  }
}
