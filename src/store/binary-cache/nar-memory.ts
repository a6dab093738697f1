/** Memory comes in multiples of so many bytes, so that NARs of different sizes use the same. */
const unit = 64 * 1024;

/** In bytes, of what is kept for the next. */
const maxKept = 16 * 1024 * 1024;

/**
 * Memory for one small NAR after the other. Fresh memory for each has the system make pages of zeros, and V8 collect
 * garbage: more work than all else that is done with a NAR of 200 KB. Threads can share it.
 */
export class NarMemory {
  #kept: Buffer[] = [];
  #keptBytes = 0;

  /** Of at least `size` bytes. */
  take(size: number): Buffer {
    const at = this.#kept.findLastIndex(({ length }) => length >= size);
    const [known] = at < 0 ? [] : this.#kept.splice(at, 1);
    if (known === undefined) return Buffer.from(new SharedArrayBuffer(Math.max(Math.ceil(size / unit), 1) * unit));
    this.#keptBytes -= known.length;
    return known;
  }

  /** What nobody reads any more. */
  giveBack(memory: Buffer): void {
    if (this.#keptBytes + memory.length > maxKept) return;
    this.#keptBytes += memory.length;
    this.#kept.push(memory);
  }
}
