import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallOptions } from '../../../castore/index.ts';
import { hasRoom } from '../codec.ts';
import { decoderOf, isEncoded } from './content-encoding.ts';
import { FailedAttempt, failedWithinAnswer } from './failed-attempt.ts';
import type { ServerAnswer, WholeBody } from './server-answer.ts';
import { StallTimer } from './stall-timer.ts';

export interface ReadBodyOptions extends CallOptions {
  /** In seconds; 0 for as long as it takes. */
  readonly stallTimeout: number;
  /** In bytes a second; 0 for as fast as it comes. */
  readonly maxSpeed: number;
  /** Of messages: `unable to download 'URL'`. */
  readonly subject: string;
  /** Told how many bytes have come so far, before they are decoded. */
  readonly received?: (bytes: number) => void;
}

/**
 * The body of an answer, without the encoding it may have for the way. Throws a `FailedAttempt` where it breaks off,
 * stalls or cannot be decoded. Ending the iteration early closes the connection.
 */
export function readBody(response: ServerAnswer, options: ReadBodyOptions): AsyncGenerator<Uint8Array> {
  const raw = rawBody(response, options);
  const encoding = response.headers['content-encoding'];
  return isEncoded(encoding) ? decoded(raw, response, { encoding, subject: options.subject }) : raw;
}

async function* rawBody(response: ServerAnswer, options: ReadBodyOptions): AsyncGenerator<Uint8Array> {
  const { maxSpeed, signal, received } = options;
  using watch = new BodyWatch(response, options);
  const started = performance.now();
  let count = 0;
  try {
    signal?.throwIfAborted();
    watch.stall.wait();
    for await (const chunk of response) {
      if (!(chunk instanceof Uint8Array)) continue;
      watch.stall.pause();
      count += chunk.byteLength;
      received?.(count);
      yield chunk;
      if (maxSpeed > 0) {
        const early = (count / maxSpeed) * 1000 - (performance.now() - started);
        if (early > 0) await delay(early, undefined, { signal });
      }
      watch.stall.wait();
    }
  } catch (error) {
    throw watch.failure(error);
  }
}

/**
 * The whole body of an answer that needs no decoding, in one piece, where its connection has a quick way to get it;
 * undefined for more bytes than are wanted. Throws as `readBody`.
 */
export async function readWholeBody(
  response: ServerAnswer & Required<Pick<ServerAnswer, 'whole'>>,
  wish: WholeBody,
  options: Omit<ReadBodyOptions, 'maxSpeed'>,
): Promise<Uint8Array | undefined> {
  const { signal, received } = options;
  using watch = new BodyWatch(response, options);
  watch.stall.wait();
  try {
    signal?.throwIfAborted();
    return await response.whole(wish, bytes => {
      watch.stall.wait();
      received?.(bytes);
    });
  } catch (error) {
    throw watch.failure(error);
  }
}

/** Gives an answer up when its body stalls or nobody wants it any more, at the latest when it is disposed of. */
class BodyWatch implements Disposable {
  readonly stall: StallTimer;
  readonly #response: ServerAnswer;
  readonly #options: Pick<ReadBodyOptions, 'subject' | 'signal'>;
  readonly #abort = () => void this.#response.destroy();
  #isStalled = false;

  constructor(response: ServerAnswer, options: Pick<ReadBodyOptions, 'stallTimeout' | 'subject' | 'signal'>) {
    this.#response = response;
    this.#options = options;
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    this.stall = new StallTimer(options.stallTimeout, () => {
      this.#isStalled = true;
      response.destroy();
    });
  }

  /** What an error while the body came is to others. Throws the signal's reason. */
  failure(error: unknown): FailedAttempt {
    const { subject, signal } = this.#options;
    signal?.throwIfAborted();
    return failedWithinAnswer(subject, this.#response.statusCode ?? 0, this.#isStalled ? 'timeout' : 'partial', error);
  }

  [Symbol.dispose](): void {
    this.stall[Symbol.dispose]();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#response.destroy();
  }
}

async function* decoded(
  raw: AsyncIterable<Uint8Array>,
  response: ServerAnswer,
  { encoding, subject }: { readonly encoding: string; readonly subject: string },
): AsyncGenerator<Uint8Array> {
  const refuse = (cause?: unknown) => failedWithinAnswer(subject, response.statusCode ?? 0, 'encoding', cause);
  const decoder = decoderOf(encoding);
  if (decoder === undefined) {
    response.destroy();
    throw refuse();
  }
  let failure: unknown;
  const feeding = feed(raw, decoder).catch((error: unknown) => {
    failure = error;
    decoder.destroy();
  });
  try {
    for await (const chunk of decoder) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    response.destroy();
    await feeding;
    // What kept the bytes from coming explains why they could not be decoded.
    throw failure instanceof FailedAttempt && response.errored !== null ? failure : refuse(error);
  } finally {
    decoder.destroy();
    response.destroy();
    await feeding;
  }
}

async function feed(raw: AsyncIterable<Uint8Array>, decoder: Duplex): Promise<void> {
  for await (const chunk of raw) {
    if (decoder.destroyed) return;
    if (!decoder.write(chunk)) await hasRoom(decoder);
  }
  decoder.end();
}
