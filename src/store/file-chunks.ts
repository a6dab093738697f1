import type { FileHandle } from 'node:fs/promises';

/** Bytes that are read at a time. */
const chunkSize = 256 * 1024;

/** In bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Reads a file, or as much of `range` as there is, in chunks that are the caller's to keep. */
export async function* fileChunks(
  file: FileHandle,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const end = range === undefined ? Infinity : range.offset + range.length;
  for (let at = range?.offset ?? 0; at < end;) {
    signal?.throwIfAborted();
    const chunk = Buffer.allocUnsafeSlow(Math.min(chunkSize, end - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
