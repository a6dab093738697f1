import { closeSync, openSync, readSync } from 'node:fs';
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
      if (errno !== 'EAGAIN') {
        const message = `read of ${buffer.byteLength} bytes: ${systemErrorText(cause)}`;
        throw new CliError('input/failed', message, { cause });
      }
      waitForDescriptor();
    }
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
export function withOpenFile<T>(what: string, path: ByteString, use: (fd: number) => T): T {
  let fd: number;
  try {
    fd = openSync(fsPathOf(path), 'r');
  } catch (cause) {
    throw new CliError('input/failed', `${what} ${quotePath(path)}: ${systemErrorText(cause)}`, { cause });
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
