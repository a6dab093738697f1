import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes that were handed in. */
export type SpooledPiece = { readonly bytes: Uint8Array } | { readonly offset: number; readonly length: number };

/** Bytes kept in memory; what is more goes to a file. */
const memoryLimit = 8 * 1024 * 1024;

/**
 * Keeps bytes until they are sent: the first few in memory, the rest in one temporary file, which has no name, so that
 * nothing is left of it whatever happens. Pieces may come concurrently.
 */
export class UploadSpool implements AsyncDisposable {
  #kept = 0;
  #file: Promise<FileHandle> | undefined;
  /** Where the next piece goes. */
  #end = 0;

  /** `bytes` are lent until the promise has settled. */
  async hold(bytes: Uint8Array): Promise<SpooledPiece> {
    const length = bytes.byteLength;
    if (this.#kept + length <= memoryLimit) {
      this.#kept += length;
      return { bytes: Uint8Array.from(bytes) };
    }
    const offset = this.#end;
    this.#end += length;
    const file = await (this.#file ??= openUnnamed());
    for (let done = 0; done < length;) {
      const { bytesWritten } = await file.write(bytes, done, length - done, offset + done);
      done += bytesWritten;
    }
    return { offset, length };
  }

  async read(piece: SpooledPiece): Promise<Uint8Array> {
    if ('bytes' in piece) return piece.bytes;
    const bytes = Buffer.allocUnsafe(piece.length);
    const file = await this.#file;
    for (let done = 0; done < piece.length;) {
      const result = await file?.read(bytes, done, piece.length - done, piece.offset + done);
      if (result === undefined || result.bytesRead === 0) throw new TypeError('a spool was read beyond its end');
      done += result.bytesRead;
    }
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // One that could not be opened was reported to whoever had bytes for it.
    await (await file?.catch(() => undefined))?.close();
  }
}

async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `firn-upload-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}
