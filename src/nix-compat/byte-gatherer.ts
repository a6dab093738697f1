const firstCapacity = 64 * 1024;

/**
 * Gathers a value whose size was announced, without believing the announcement: the memory it takes is at most twice
 * that of the bytes that came (and 64 KiB).
 */
export class ByteGatherer {
  readonly #size: number;
  #buffer: Buffer<ArrayBuffer>;
  #used = 0;

  /** `size` is in bytes; the caller has checked it against its limit. */
  constructor(size: number) {
    this.#size = size;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(size, firstCapacity));
  }

  /** Bytes that are to come. */
  get missing(): number {
    return this.#size - this.#used;
  }

  /** Copies from the start of `chunk` what is missing, and returns how many bytes that were. */
  push(chunk: Uint8Array): number {
    const count = Math.min(chunk.length, this.missing);
    const needed = this.#used + count;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(needed, 2 * this.#buffer.length)));
      larger.set(this.#buffer.subarray(0, this.#used));
      this.#buffer = larger;
    }
    this.#buffer.set(count === chunk.length ? chunk : chunk.subarray(0, count), this.#used);
    this.#used = needed;
    return count;
  }

  /** The bytes so far, as the gatherer's own memory. */
  get bytes(): Buffer<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#used);
  }
}
