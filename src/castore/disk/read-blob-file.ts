import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf } from '../../base/index.ts';
import type { ReadTarget } from '../blob-store.ts';
import { canonicalTime } from '../canonical-time.ts';
import { maxChunkSize } from '../chunks.ts';
import { type Digest, Digester, checkDigest, formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { DataFolder } from './data-folder.ts';

/** A file that is said to hold a blob. */
export interface BlobFile {
  readonly path: string;
  readonly digest: Digest;
}

// A blob's file is never a symlink, whatever somebody put in its place.
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW;

/** What came of reading a blob's file. */
export type FileReading = 'read' | 'absent' | 'other size';

/**
 * Reads the blob there and then, a piece a step, to where `target` says, unless the file is absent or has another size. Throws
 * `digest/mismatch` when it bears another time than blobs' files do and other contents than the blob's.
 */
export function* readPieces(folder: DataFolder, file: BlobFile, target: ReadTarget): Generator<void, FileReading> {
  const fs = folder.fileSystem;
  const { digest } = file;
  const fd = openBlobFile(folder, file);
  if (typeof fd !== 'number') return fd;
  try {
    for (let left = digest.size; left > 0;) {
      const buffer = target.buffer(Math.min(maxChunkSize, left));
      const count = fs.readSync(fd, buffer, 0, Math.min(buffer.byteLength, left), digest.size - left);
      if (count === 0) throw damaged(folder, digest);
      target.take(count === buffer.byteLength ? buffer : buffer.subarray(0, count));
      left -= count;
      if (left > 0) yield;
    }
    return 'read';
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Opens a blob's file, unless it is absent or has another size. Throws `digest/mismatch` as `readSync` does. The descriptor
 * is the caller's to close.
 */
export function openBlobFile(folder: DataFolder, file: BlobFile): number | 'absent' | 'other size' {
  const fs = folder.fileSystem;
  let fd: number;
  try {
    fd = fs.openSync(file.path, openFlags);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return 'absent';
  }
  let isGood = false;
  try {
    const { size, mtimeMs } = fs.fstatSync(fd);
    if (size !== file.digest.size) return 'other size';
    if (mtimeMs !== canonicalTime * 1000) checkContents(folder, fd, file.digest);
    isGood = true;
    return fd;
  } finally {
    if (!isGood) fs.closeSync(fd);
  }
}

function checkContents({ fileSystem }: DataFolder, fd: number, digest: Digest): void {
  const digester = new Digester();
  const buffer = new Uint8Array(Math.min(maxChunkSize, digest.size));
  for (let count = -1; count !== 0;) {
    count = fileSystem.readSync(fd, buffer, 0, buffer.byteLength, digester.size);
    digester.update(buffer.subarray(0, count));
  }
  checkDigest(digester.finish(), digest);
}

/**
 * The part of the blob from `start` to `end` in lent chunks. The file is opened when the first is asked for: a reader
 * that never asks leaves nothing open. Throws `blob/missing` when the file is absent, and `digest/mismatch` when its size
 * is not the blob's, or it bears another time than blobs' files do and other contents than the blob's.
 */
export async function* readChunks(
  folder: DataFolder,
  file: BlobFile,
  range: {
    readonly start: number;
    readonly end: number;
    readonly chunkSize?: number | undefined;
    readonly signal: AbortSignal | undefined;
  },
): AsyncGenerator<Uint8Array, void> {
  const { digest } = file;
  await using handle = await openChecked(folder, file);
  const buffer = new Uint8Array(Math.min(range.chunkSize ?? maxChunkSize, range.end - range.start));
  for (let at = range.start; at < range.end;) {
    range.signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.byteLength, range.end - at), at);
    if (bytesRead === 0) throw damaged(folder, digest);
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

async function openChecked(folder: DataFolder, { path, digest }: BlobFile): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, openFlags);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new CastoreError('blob/missing', `the blob ${formatDigest(digest)} has just vanished`, { cause });
  }
  try {
    const { size, mtimeMs } = await handle.stat();
    if (size !== digest.size) throw damaged(folder, digest);
    if (mtimeMs !== canonicalTime * 1000) await checkContentsAhead(handle, digest);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function checkContentsAhead(handle: FileHandle, digest: Digest): Promise<void> {
  const digester = new Digester();
  const buffer = new Uint8Array(Math.min(maxChunkSize, digest.size));
  for (let count = -1; count !== 0;) {
    ({ bytesRead: count } = await handle.read(buffer, 0, buffer.byteLength, digester.size));
    digester.update(buffer.subarray(0, count));
  }
  checkDigest(digester.finish(), digest);
}

/** Of a blob that should have a file, whose size is another. */
export function damaged(folder: DataFolder, digest: Digest): CastoreError {
  return new CastoreError(
    'digest/mismatch',
    `the file of the blob ${formatDigest(digest)} in '${folder.path}' has another size: verify the store`,
  );
}
