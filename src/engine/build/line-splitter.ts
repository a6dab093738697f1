/** Bytes of a line. Longer ones are taken for several, so that nobody who writes them fills our memory. */
export const maxLine = 1024 * 1024;

/** Delivers lines of bytes that come in pieces, without their ends. */
export class LineSplitter {
  readonly #sink: (line: Uint8Array) => void;
  #pieces: Uint8Array[] = [];
  #size = 0;

  /** A line is lent to `sink` until it returns. */
  constructor(sink: (line: Uint8Array) => void) {
    this.#sink = sink;
  }

  /** `chunk` is lent until the call returns. */
  write(chunk: Uint8Array): void {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#hold(chunk.subarray(from, end));
      this.#end();
      from = end + 1;
    }
    if (from < chunk.byteLength) this.#hold(chunk.slice(from));
    if (this.#size > maxLine) this.#end();
  }

  /** Takes what has no end of line for one. */
  finish(): void {
    if (this.#size > 0) this.#end();
  }

  #hold(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#size += piece.byteLength;
  }

  #end(): void {
    const line = this.#pieces.length === 1 ? this.#pieces[0] : undefined;
    this.#sink(line ?? Buffer.concat(this.#pieces));
    this.#pieces = [];
    this.#size = 0;
  }
}
