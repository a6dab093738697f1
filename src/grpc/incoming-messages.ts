import type { Http2Stream } from 'node:http2';
import type { Codec } from './method.ts';
import { GrpcStatus } from './grpc-status.ts';
import { MessageReader } from './message-reader.ts';
import { messageOf } from '../base/index.ts';

export interface IncomingOptions<T> {
  readonly codec: Codec<T>;
  /** Of one message, in bytes. */
  readonly limit: number;
}

/**
 * The messages that come over a stream, read only as fast as they are asked for: what is not read fills the stream's
 * window, and then its sender waits. One reader; ends when the sender has ended, throws the status that `fail` was given
 * or that was found wrong.
 */
export class IncomingMessages<T> implements AsyncIterableIterator<T, undefined> {
  readonly #stream: Http2Stream;
  readonly #codec: Codec<T>;
  readonly #reader: MessageReader;
  /** Decoded and not asked for: those that came in one chunk with the one that was. */
  readonly #ready: T[] = [];
  #waiting: { resolve: (result: IteratorResult<T, undefined>) => void; reject: (reason: unknown) => void } | undefined;
  #ended = false;
  #failure: GrpcStatus | undefined;

  constructor(stream: Http2Stream, options: IncomingOptions<T>) {
    this.#stream = stream;
    this.#codec = options.codec;
    this.#reader = new MessageReader(options.limit);
    stream.on('data', this.#take);
    stream.on('end', this.#end);
    stream.pause();
  }

  /** Ends the messages with a failure; those not read are dropped. */
  fail(status: GrpcStatus): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = status;
    this.#ready.length = 0;
    this.#settle();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const first = this.#ready.shift();
    if (first !== undefined) return Promise.resolve({ done: false, value: first });
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#stream.resume();
    });
  }

  /** Who stops reading leaves the rest to whoever ends the call. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#ended = true;
    this.#ready.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #take = (chunk: Uint8Array): void => {
    if (this.#ended) return;
    try {
      this.#reader.push(chunk, bytes => this.#ready.push(decodeMessage(this.#codec, bytes)));
    } catch (error) {
      this.fail(asStatus(error));
      return;
    }
    if (this.#ready.length > 0) {
      this.#stream.pause();
      this.#settle();
    }
  };

  readonly #end = (): void => {
    if (this.#ended) return;
    try {
      this.#reader.finish();
    } catch (error) {
      this.fail(asStatus(error));
      return;
    }
    this.#ended = true;
    this.#settle();
  };

  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    const first = this.#ready.shift();
    if (first !== undefined) waiting.resolve({ done: false, value: first });
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

function asStatus(error: unknown): GrpcStatus {
  return error instanceof GrpcStatus ? error : new GrpcStatus('internal', messageOf(error), { cause: error });
}
