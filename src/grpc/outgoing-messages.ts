import { type Http2Stream, constants } from 'node:http2';
import type { Codec } from './method.ts';
import { frameMessage } from './frame-message.ts';

/** The messages that go over a stream, as fast as its reader takes them. */
export class OutgoingMessages<T> {
  readonly #stream: Http2Stream;
  readonly #codec: Codec<T>;
  #wake: (() => void) | undefined;

  readonly #stallTime: number | undefined;

  /** A reader that takes nothing for `stallTime` milliseconds loses the stream. */
  constructor(stream: Http2Stream, codec: Codec<T>, stallTime?: number) {
    this.#stallTime = stallTime;
    this.#stream = stream;
    this.#codec = codec;
    stream.on('drain', this.#woken);
    stream.on('close', this.#woken);
  }

  /**
   * Resolves once another message may be sent, and the bytes of a large one, which may be lent, are on their way; false
   * when none may be sent any more.
   */
  async send(message: T): Promise<boolean> {
    const stream = this.#stream;
    const sending = this.#send(message);
    if (this.#stallTime === undefined || stream.writableLength === 0) return sending;
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), this.#stallTime);
    try {
      return await sending;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(message: T): Promise<boolean> {
    const stream = this.#stream;
    const [first, ...rest] = frameMessage(this.#codec.encode(message));
    if (first === undefined) return isOpen(stream);
    const last = rest.pop();
    if (last === undefined) {
      if (!stream.write(first) && isOpen(stream)) await this.#drained();
      return isOpen(stream);
    }
    await new Promise<void>(resolve => {
      stream.cork();
      stream.write(first);
      for (const piece of rest) stream.write(piece);
      stream.write(last, () => resolve());
      stream.uncork();
    });
    return isOpen(stream);
  }

  #drained(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve;
    });
  }

  readonly #woken = (): void => {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };
}

export function isOpen(stream: Http2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.writableEnded;
}
