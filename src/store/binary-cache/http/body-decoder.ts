import { type BodyFraming, malformed } from './answer-head.ts';

/** Bytes of the line before a chunk, and of all that follows the last. */
const maxLine = 1024;
const maxTrailer = 16 * 1024;

/** Takes a body out of what comes on a connection, whatever the pieces (RFC 9112, 6 and 7). */
export class BodyDecoder {
  readonly #framing: BodyFraming;
  readonly #take: (bytes: Buffer) => void;
  /** Bytes that are to come of the body, or of the chunk. */
  #left: number;
  #isDone: boolean;
  /** What comes next of a chunked body. */
  #next: 'size' | 'data' | 'data end' | 'trailer' = 'size';
  #line = '';
  #trailer = 0;

  /** `take` is lent the bytes of the body. */
  constructor(framing: BodyFraming, take: (bytes: Buffer) => void) {
    this.#framing = framing;
    this.#take = take;
    this.#left = framing.kind === 'length' ? framing.length : 0;
    this.#isDone = framing.kind === 'length' && framing.length === 0;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** Whether the body is complete when the connection ends now. */
  get mayEnd(): boolean {
    return this.#isDone || this.#framing.kind === 'close';
  }

  /** Returns how many of `bytes` belong to the body. Throws an `Error` for what is malformed. */
  push(bytes: Buffer): number {
    if (this.#isDone) return 0;
    if (this.#framing.kind === 'close') {
      this.#take(bytes);
      return bytes.length;
    }
    if (this.#framing.kind === 'chunked') return this.#pushChunked(bytes);
    const count = this.#data(bytes, 0);
    this.#isDone = this.#left === 0;
    return count;
  }

  #data(bytes: Buffer, at: number): number {
    const count = Math.min(this.#left, bytes.length - at);
    this.#left -= count;
    this.#take(count === bytes.length ? bytes : bytes.subarray(at, at + count));
    return count;
  }

  #pushChunked(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && !this.#isDone) {
      if (this.#next === 'data') {
        at += this.#data(bytes, at);
        if (this.#left === 0) this.#next = 'data end';
        continue;
      }
      const end = bytes.indexOf(10, at);
      const stop = end < 0 ? bytes.length : end + 1;
      this.#line += bytes.toString('latin1', at, stop);
      at = stop;
      if (this.#line.length > maxLine) throw malformed('chunk');
      if (end < 0) break;
      const line = this.#line;
      this.#line = '';
      if (!line.endsWith('\r\n')) throw malformed('chunk');
      this.#takeLine(line.slice(0, -2));
    }
    return at;
  }

  #takeLine(line: string): void {
    if (this.#next === 'size') {
      // Extensions, which nobody has a use for, may follow.
      const [, digits] = /^([0-9a-fA-F]{1,12})[\t ]*(?:;|$)/.exec(line) ?? [];
      if (digits === undefined) throw malformed('chunk');
      this.#left = Number.parseInt(digits, 16);
      this.#next = this.#left === 0 ? 'trailer' : 'data';
    } else if (this.#next === 'data end') {
      if (line !== '') throw malformed('chunk');
      this.#next = 'size';
    } else if (line === '') this.#isDone = true;
    else if ((this.#trailer += line.length) > maxTrailer) throw malformed('trailer');
  }
}
