import { type FileHandle, open } from 'node:fs/promises';
import { CastoreError } from '../../error.ts';

/** How much is read at once of what is streamed, in bytes. */
const chunkSize = 256 * 1024;

/** A file that is read here and there. */
export class RandomAccessFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly size: number;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  static async open(path: string): Promise<RandomAccessFile> {
    const handle = await open(path, 'r');
    try {
      return new RandomAccessFile(handle, (await handle.stat()).size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Exactly these bytes. Throws `archive/truncated`. */
  async read(offset: number, size: number): Promise<Buffer> {
    if (offset < 0 || offset + size > this.size) throw truncated(offset);
    const buffer = Buffer.allocUnsafe(size);
    for (let at = 0; at < size;) {
      const { bytesRead } = await this.#handle.read(buffer, at, size - at, offset + at);
      if (bytesRead === 0) throw truncated(offset + at);
      at += bytesRead;
    }
    return buffer;
  }

  /** As `read`, in pieces. */
  async *stream(offset: number, size: number): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < size; at += chunkSize) yield await this.read(offset + at, Math.min(chunkSize, size - at));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

function truncated(offset: number): CastoreError {
  return new CastoreError('archive/truncated', 'the archive ends before what its directory says', { offset });
}
