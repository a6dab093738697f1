import type { Http2Stream } from 'node:http2';
import type { Codec } from './method.ts';
import { GrpcStatus } from './grpc-status.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { MessageReader } from './message-reader.ts';
import { messageOf } from '../base/index.ts';

export interface IncomingOptions<T> {
  readonly codec: Codec<T>;
  /** Of one message, in bytes. */
  readonly limit: number;
  /** Shared by all streams of a server. */
  readonly memory?: MemoryBudget | undefined;
  /** Told of bytes that have come. */
  readonly received?: ((bytes: number) => void) | undefined;
}

/** Bytes that are taken from a stream before they are asked for: stopping it and going on costs more than a message. */
const readAhead = 64 * 1024;

/**
 * The messages that come over a stream, read only as fast as they are asked for: what is not read fills the stream's
 * window, and then its sender waits. One reader; ends when the sender has ended, throws the status that `fail` was given
 * or that was found wrong.
 */
export class IncomingMessages<T> implements AsyncIterableIterator<T, undefined> {
  readonly #stream: Http2Stream;
  readonly #codec: Codec<T>;
  readonly #reader: MessageReader;
  readonly #memory: MemoryBudget | undefined;
  readonly #received: ((bytes: number) => void) | undefined;
  /** Bytes of messages that were not asked for yet. */
  readonly #chunks: Uint8Array[] = [];
  #held = 0;
  #isPaused = false;
  /** Decoded and not asked for: one at most. */
  #ready: { readonly value: T } | undefined;
  #waiting: { resolve: (result: IteratorResult<T, undefined>) => void; reject: (reason: unknown) => void } | undefined;
  #hasEnded = false;
  #isDone = false;
  #failure: GrpcStatus | undefined;

  constructor(stream: Http2Stream, options: IncomingOptions<T>) {
    this.#stream = stream;
    this.#codec = options.codec;
    this.#reader = new MessageReader(options.limit, options.codec.isLent === true);
    this.#memory = options.memory;
    this.#received = options.received;
    stream.on('data', this.#receive);
    stream.on('end', this.#end);
  }

  /** Ends the messages with a failure; those not read are dropped. */
  fail(status: GrpcStatus): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#failure = status;
    this.#drop();
    this.#settle();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const message = this.take();
    if (message !== undefined) return Promise.resolve({ done: false, value: message.value });
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isDone) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** The next message if it is here already, which spares a turn of the event loop's queue for each of many. */
  take(): { readonly value: T } | undefined {
    if (this.#isDone) return undefined;
    this.#advance();
    const ready = this.#ready;
    this.#ready = undefined;
    return ready;
  }

  /** Who stops reading leaves the rest to whoever ends the call. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#isDone = true;
    this.#drop();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #receive = (chunk: Uint8Array): void => {
    // What comes after the end is for nobody.
    if (this.#isDone) return;
    this.#received?.(chunk.byteLength);
    this.#chunks.push(chunk);
    this.#note(chunk.byteLength);
    if (this.#waiting !== undefined) this.#settle();
    const isFar = this.#held > readAhead || (this.#memory?.isTight === true && this.#chunks.length > 0);
    if (isFar && !this.#isPaused && this.#waiting === undefined) {
      this.#isPaused = true;
      this.#stream.pause();
    }
  };

  readonly #end = (): void => {
    this.#hasEnded = true;
    if (this.#waiting !== undefined) this.#settle();
  };

  /** Decodes until a message is ready or nothing more is here. */
  #advance(): void {
    try {
      for (let chunk = this.#chunks[0]; this.#ready === undefined && chunk !== undefined; chunk = this.#chunks[0]) {
        const before = this.#reader.held;
        const used = this.#reader.push(chunk, this.#decode);
        if (used < chunk.byteLength) this.#chunks[0] = chunk.subarray(used);
        else this.#chunks.shift();
        this.#note(this.#reader.held - before - used);
        if (this.#memory?.isExhausted === true && this.#reader.held > 0) {
          throw new GrpcStatus('resourceExhausted', 'the server has no memory for more messages at the moment');
        }
      }
      if (this.#ready === undefined && this.#hasEnded) {
        this.#reader.finish();
        this.#isDone = true;
      }
    } catch (error) {
      this.fail(error instanceof GrpcStatus ? error : new GrpcStatus('internal', messageOf(error), { cause: error }));
    }
    if (this.#isPaused && this.#chunks.length === 0) {
      this.#isPaused = false;
      this.#stream.resume();
    }
  }

  readonly #decode = (bytes: Uint8Array): void => {
    this.#ready = { value: decodeMessage(this.#codec, bytes) };
  };

  #note(bytes: number): void {
    this.#held += bytes;
    this.#memory?.note(bytes);
  }

  #drop(): void {
    this.#ready = undefined;
    this.#chunks.length = 0;
    this.#note(-this.#held);
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#stream.resume();
    }
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const message = this.take();
    if (message === undefined && !this.#isDone) return;
    this.#waiting = undefined;
    if (message !== undefined) waiting.resolve({ done: false, value: message.value });
    else if (this.#failure !== undefined) waiting.reject(this.#failure);
    else waiting.resolve({ done: true, value: undefined });
  }
}

/** Throws `internal` for bytes that are no such message, as the specification of status codes has it. */
export function decodeMessage<T>(codec: Codec<T>, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes);
  } catch (error) {
    if (error instanceof GrpcStatus) throw error;
    throw new GrpcStatus('internal', `a message of ${bytes.byteLength} bytes cannot be parsed: ${messageOf(error)}`);
  }
}
