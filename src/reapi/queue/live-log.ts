import { Changes, Waiter } from './changes.ts';

/** Bytes that are kept of one log; what comes after them is in the result alone. */
const maxKept = 1024 * 1024;

/** What an action writes to one of its streams, for who reads it meanwhile: from the beginning, as it comes. */
export class LiveLog {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #hasEnded = false;
  readonly #changes = new Changes();

  /** The chunk is copied. */
  write(chunk: Uint8Array): void {
    const room = maxKept - this.#size;
    if (this.#hasEnded || room <= 0) return this.end();
    this.#chunks.push(Uint8Array.from(chunk.subarray(0, room)));
    this.#size += Math.min(room, chunk.byteLength);
    this.#changes.announce();
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#changes.announce();
  }

  /** What comes after the first `offset` bytes, until it ends. Nobody else writes to the chunks. */
  async *read(offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    using waiter = new Waiter(signal);
    let left = offset;
    for (let at = 0; ; at++) {
      while (at === this.#chunks.length) {
        if (this.#hasEnded) return;
        await waiter.until(this.#changes.next);
      }
      const chunk = this.#chunks[at] ?? new Uint8Array(0);
      if (left < chunk.byteLength) yield chunk.subarray(left);
      left = Math.max(0, left - chunk.byteLength);
    }
  }
}
