import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';

/** Bytes that are kept in memory; what is more is in a file. */
const memoryLimit = 256 * 1024;

/** What a process writes to one of its streams. */
export class OutputSpool implements Disposable {
  readonly #path: string;
  #chunks: Uint8Array[] = [];
  #inMemory = 0;
  #fd: number | undefined;
  #size = 0;

  /** `path`: of the file, if there is to be one. */
  constructor(path: string) {
    this.#path = path;
  }

  /** In bytes, so far. */
  get size(): number {
    return this.#size;
  }

  /** The chunk is copied. */
  write(chunk: Uint8Array): void {
    this.#size += chunk.byteLength;
    this.#chunks.push(Uint8Array.from(chunk));
    this.#inMemory += chunk.byteLength;
    if (this.#inMemory <= memoryLimit) return;
    this.#fd ??= openSync(this.#path, 'wx+', 0o600);
    for (const piece of this.#chunks) writeSync(this.#fd, piece);
    this.#chunks = [];
    this.#inMemory = 0;
  }

  /** All of it; a chunk is lent until the next is asked for. */
  *read(): Generator<Uint8Array, void> {
    if (this.#fd !== undefined) {
      const buffer = new Uint8Array(memoryLimit);
      for (let at = 0; ;) {
        const count = readSync(this.#fd, buffer, 0, buffer.byteLength, at);
        if (count === 0) break;
        at += count;
        yield buffer.subarray(0, count);
      }
    }
    yield* this.#chunks;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) {
      closeSync(this.#fd);
      unlinkSync(this.#path);
    }
    this.#fd = undefined;
    this.#chunks = [];
  }
}
