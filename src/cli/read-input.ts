import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteString, asBuffer, errnoOf, systemErrorText } from '../base/index.ts';
import { CliError } from './error.ts';
import { fsPathOf, quotePath } from './paths.ts';
import { waitForDescriptor } from './render/write-fully.ts';

export const stdin = 0;

const chunkSize = 1024 * 1024;

/**
 * What can be read from `fd` until its end, in chunks that are lent until the next is asked for. Throws `input/failed`.
 */
export function* readChunks(fd: number): Generator<Buffer, void> {
  const buffer = Buffer.allocUnsafeSlow(chunkSize);
  for (;;) {
    const count = readSome(fd, buffer);
    if (count === 0) return;
    yield buffer.subarray(0, count);
  }
}

function readSome(fd: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, buffer, 0, buffer.byteLength, null);
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno === 'EOF') return 0;
      if (errno !== 'EAGAIN') throw readFailed(cause, buffer);
      waitForDescriptor();
    }
  }
}

function readFailed(cause: unknown, buffer: Buffer): CliError {
  return new CliError('input/failed', `read of ${buffer.byteLength} bytes: ${systemErrorText(cause)}`, { cause });
}

/** Chunks of 1 MiB change hands so often that 1 GB takes 0.1 s longer, on a busy machine 0.2 s. */
const aheadChunkSize = 4 * 1024 * 1024;

/**
 * As `readChunks`, and while a chunk of a large file is worked on, the next is read by another thread: hashing 1 GB
 * takes 0.63 s instead of 0.75 s, 0.59 s of it in SHA-256.
 */
export async function* readChunksAhead(fd: number): AsyncGenerator<Buffer, void> {
  if (fstatSync(fd).size <= 2 * aheadChunkSize) {
    yield* readChunks(fd);
    return;
  }
  let current = Buffer.allocUnsafeSlow(aheadChunkSize);
  let other = Buffer.allocUnsafeSlow(aheadChunkSize);
  let reading = readAsync(fd, current);
  try {
    for (let count = await reading; count > 0; count = await reading) {
      reading = readAsync(fd, other);
      yield current.subarray(0, count);
      [current, other] = [other, current];
    }
  } finally {
    // The descriptor must not be closed, and its number given to another file, under a read that is on its way.
    await reading.catch(() => 0);
  }
}

async function readAsync(fd: number, buffer: Buffer): Promise<number> {
  try {
    return (await promisify(read)(fd, buffer, 0, buffer.byteLength, null)).bytesRead;
  } catch (cause) {
    throw readFailed(cause, buffer);
  }
}

/** All of standard input, at most `limit` bytes of it. Throws `input/failed` or `input/too-large`. */
export function readStandardInput(limit: number): Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  for (const chunk of readChunks(stdin)) {
    size += chunk.byteLength;
    if (size > limit) throw new CliError('input/too-large', `standard input has more than ${limit} bytes`);
    chunks.push(asBuffer(Uint8Array.from(chunk)));
  }
  return Buffer.concat(chunks);
}

/** Opens a file for the time of `use`. Its path is as the user typed it. Throws `input/failed`: `what "path": why`. */
export async function withOpenFile<T>(what: string, path: ByteString, use: (fd: number) => T | Promise<T>): Promise<T> {
  let fd: number;
  try {
    fd = openSync(fsPathOf(path), 'r');
  } catch (cause) {
    throw new CliError('input/failed', `${what} ${quotePath(path)}: ${systemErrorText(cause)}`, { cause });
  }
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}
