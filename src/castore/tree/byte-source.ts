/** Takes chunks of any size apart as their reader wants them. Errors of the source are passed on. */
export class ByteSource implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #taken = 0;

  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#chunks = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#taken;
  }

  /** The next `size` bytes, in memory of their own; fewer if the source ends before. */
  async read(size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    let at = 0;
    for await (const piece of this.lend(size)) {
      bytes.set(piece, at);
      at += piece.byteLength;
    }
    return at === size ? bytes : bytes.subarray(0, at);
  }

  /** The next `size` bytes as they come, each piece lent until the next is asked for; fewer if the source ends before. */
  async *lend(size: number): AsyncGenerator<Uint8Array, void> {
    for (let left = size; left > 0;) {
      if (this.#at === this.#chunk.byteLength && !(await this.#next())) return;
      const piece = this.#chunk.subarray(this.#at, this.#at + left);
      this.#at += piece.byteLength;
      this.#taken += piece.byteLength;
      left -= piece.byteLength;
      yield piece;
    }
  }

  /** The next bytes up to `delimiter`, which is taken too; undefined unless it is among the next `limit` bytes. */
  async readUntil(delimiter: number, limit: number): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = [];
    for (let left = limit; left > 0;) {
      if (this.#at === this.#chunk.byteLength && !(await this.#next())) return undefined;
      const piece = this.#chunk.subarray(this.#at, this.#at + left);
      const found = piece.indexOf(delimiter);
      const count = found === -1 ? piece.byteLength : found + 1;
      pieces.push(Uint8Array.from(piece.subarray(0, found === -1 ? count : found)));
      this.#at += count;
      this.#taken += count;
      left -= count;
      if (found !== -1) return Buffer.concat(pieces);
    }
    return undefined;
  }

  /** Passes over `size` bytes; false if the source ends before. */
  async skip(size: number): Promise<boolean> {
    let left = size;
    for await (const piece of this.lend(size)) left -= piece.byteLength;
    return left === 0;
  }

  /** Tells the source that no more is wanted. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#chunk = next.value;
    this.#at = 0;
    return true;
  }
}
