import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteString, asBuffer, errnoOf, systemErrorText } from '../base/index.ts';
import { CliError } from './error.ts';
import { fsPathOf, quotePath } from './paths.ts';
import { waitForDescriptor } from './render/write-fully.ts';

export const stdin = 0;

/** Small enough that what was read is still in the processor's cache when it is worked on. */
const chunkSize = 256 * 1024;

/** Of a chunk that another thread reads: large enough that handing it over does not show. */
const aheadSize = 1024 * 1024;

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

/** Chunks that are being read, or wait their turn. With two, 1 GB takes 0.1 s longer where others use the processor too. */
const chunksAhead = 8;

/**
 * As `readChunks`, from the beginning of a file, and while a chunk of a large one is worked on, the next are read by
 * other threads: hashing 1 GB takes 0.65 s instead of 0.75 s, 0.59 s of it in SHA-256.
 */
export async function* readChunksAhead(fd: number): AsyncGenerator<Buffer, void> {
  if (fstatSync(fd).size <= 2 * aheadSize) {
    yield* readChunks(fd);
    return;
  }
  let position = 0;
  const start = (buffer: Buffer) => {
    const reading = fillFrom(fd, buffer, position);
    // Whoever takes the chunk sees its failure; nobody may.
    reading.catch(() => undefined);
    position += aheadSize;
    return { buffer, reading };
  };
  const queue = Array.from({ length: chunksAhead }, () => start(Buffer.allocUnsafeSlow(aheadSize)));
  try {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const count = await next.reading;
      if (count > 0) yield next.buffer.subarray(0, count);
      if (count < aheadSize) return;
      queue.push(start(next.buffer));
    }
  } finally {
    // The descriptor must not be closed, and its number given to another file, under a read that is on its way.
    await Promise.allSettled(queue.map(({ reading }) => reading));
  }
}

/** Fills `buffer` unless the file ends before that; returns how many bytes there were. */
async function fillFrom(fd: number, buffer: Buffer, position: number): Promise<number> {
  const readAsync = promisify(read);
  try {
    for (let filled = 0; ;) {
      const { bytesRead } = await readAsync(fd, buffer, filled, buffer.byteLength - filled, position + filled);
      filled += bytesRead;
      if (bytesRead === 0 || filled === buffer.byteLength) return filled;
    }
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
