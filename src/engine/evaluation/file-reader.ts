import { type Stats, closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';

/** Files up to this size, in bytes, share the memory of one block. */
const largestShared = 64 * 1024;
const blockSize = 1024 * 1024;

/**
 * Reads files that are kept: an evaluation reads thousands of small ones. Memory outside of V8's heap for each of them has
 * V8 collect garbage again and again, a hundred times as much as there is.
 */
export class FileReader {
  #block = Buffer.alloc(0);
  #used = 0;

  /** The contents of a file, whose size is taken from the system where it has one, and what that said before. Throws the system's errors. */
  read(path: string | Buffer): { readonly stats: Stats; readonly contents: Buffer } {
    const fd = openSync(path, 'r');
    try {
      const stats = fstatSync(fd);
      const isShared = stats.isFile() && stats.size > 0 && stats.size <= largestShared;
      return { stats, contents: isShared ? this.#readShared(fd, stats.size) : readFileSync(fd) };
    } finally {
      closeSync(fd);
    }
  }

  #readShared(fd: number, size: number): Buffer {
    if (this.#used + size > this.#block.byteLength) {
      this.#block = Buffer.allocUnsafeSlow(blockSize);
      this.#used = 0;
    }
    let count = 0;
    while (count < size) {
      const more = readSync(fd, this.#block, this.#used + count, size - count, null);
      if (more === 0) break;
      count += more;
    }
    const contents = this.#block.subarray(this.#used, this.#used + count);
    this.#used += count;
    return contents;
  }
}
