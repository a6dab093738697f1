import type { Http2Stream } from 'node:http2';
import type { Codec } from './method.ts';
import { frameMessage } from './frame-message.ts';

/** The messages that go over a stream, as fast as its reader takes them. */
export class OutgoingMessages<T> {
  readonly #stream: Http2Stream;
  readonly #codec: Codec<T>;
  #wake: (() => void) | undefined;

  constructor(stream: Http2Stream, codec: Codec<T>) {
    this.#stream = stream;
    this.#codec = codec;
    stream.on('drain', this.#woken);
    stream.on('close', this.#woken);
  }

  /** Resolves once another message may be sent; false when none may any more. */
  async send(message: T): Promise<boolean> {
    const stream = this.#stream;
    let wantsMore = true;
    const pieces = frameMessage(this.#codec.encode(message));
    if (pieces.length > 1) stream.cork();
    for (const piece of pieces) wantsMore = stream.write(piece);
    if (pieces.length > 1) stream.uncork();
    if (!wantsMore && isOpen(stream)) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    return isOpen(stream);
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
