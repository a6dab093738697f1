import { constants } from 'node:fs';
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { byteStringOf, brandAs, type ByteString, messageOf } from '../../../base/index.ts';
import type { BlobBatch } from '../../blob-store.ts';
import { displayName } from '../../entry-name.ts';
import { CastoreError, type CastoreErrorCode } from '../../error.ts';
import {
  type ArchiveEntry,
  ArchiveImport,
  type ArchiveImportOptions,
  type ImportedArchive,
} from '../archive-import.ts';
import { putDraft } from '../draft-tree.ts';
import { RandomAccessFile } from './random-access-file.ts';
import { type ZipHeader, readZipDirectory } from './zip-directory.ts';

const localSignature = Buffer.from([0x50, 0x4b, 0x03, 0x04]);
/** Of an archive without entries. */
const endSignature = Buffer.from([0x50, 0x4b, 0x05, 0x06]);

/** How many bytes tell whether an archive is one of zip's. */
export const zipHeadSize = localSignature.byteLength;

/** Whether these are the first bytes of a zip archive. */
export function isZip(head: Uint8Array): boolean {
  const start = head.subarray(0, zipHeadSize);
  return localSignature.equals(start) || endSignature.equals(start);
}

const localHeaderSize = 30;
const methods = { stored: 0, deflated: 8 } as const;

/** Longest target of a symlink, in bytes. */
const maxTargetSize = 64 * 1024;

/**
 * Adds the tree in a zip archive on disk to a batch, as `importTar` does: what its directory lists, with types and rights
 * to execute where a Unix made it. Throws `archive/...` with the offset of the entry, also for entries that are encrypted or
 * compressed by another method than deflate.
 */
export async function importZip(
  path: string,
  batch: BlobBatch,
  options: ArchiveImportOptions = {},
): Promise<ImportedArchive> {
  await using file = await RandomAccessFile.open(path);
  await using archive = new ArchiveImport(batch, options);
  for (const header of await readZipDirectory(file)) {
    options.signal?.throwIfAborted();
    const kind = kindOf(header);
    const target = kind === 'symlink' ? await readTarget(file, header) : brandAs<ByteString>('');
    const { path: entryPath, mode, mtime, size, offset } = header;
    const entry: ArchiveEntry = {
      kind,
      path: entryPath,
      linkPath: target,
      mode,
      mtime,
      offset,
      size: kind === 'file' ? size : 0,
    };
    await archive.add(entry, { contents: () => contentsOf(file, header) });
  }
  const { root, lastModified } = await archive.finish();
  return { root: await putDraft(batch, root, { signal: options.signal }), lastModified };
}

function kindOf(header: ZipHeader): ArchiveEntry['kind'] {
  const { path, mode, isDosDirectory } = header;
  switch (mode & constants.S_IFMT) {
    case constants.S_IFLNK:
      return 'symlink';
    case constants.S_IFDIR:
      return 'directory';
    case constants.S_IFREG:
    case 0:
      return path.endsWith('/') || (mode === 0 && isDosDirectory) ? 'directory' : 'file';
    default:
      throw refuse('archive/unsupported', header, 'is a special file, which is not supported');
  }
}

async function readTarget(file: RandomAccessFile, header: ZipHeader): Promise<ByteString> {
  if (header.size > maxTargetSize) {
    throw refuse(
      'archive/too-large',
      header,
      `has a target of ${header.size} bytes, at most ${maxTargetSize} are allowed`,
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of contentsOf(file, header)) chunks.push(chunk);
  return byteStringOf(Buffer.concat(chunks));
}

/** What an entry is in the archive, decompressed: exactly as much as its header says, with its checksum. */
async function* contentsOf(file: RandomAccessFile, header: ZipHeader): AsyncGenerator<Uint8Array, void> {
  const { method, isEncrypted, compressedSize, offset } = header;
  if (isEncrypted) throw refuse('archive/unsupported', header, 'is encrypted, which is not supported');
  if (method !== methods.stored && method !== methods.deflated) {
    throw refuse('archive/unsupported', header, `is compressed by the method ${method}, which is not supported`);
  }
  const local = await file.read(offset, localHeaderSize);
  if (!local.subarray(0, 4).equals(localSignature))
    throw refuse('archive/malformed', header, 'has no header of its own');
  const start = offset + localHeaderSize + local.readUInt16LE(26) + local.readUInt16LE(28);
  const raw = file.stream(start, compressedSize);
  let size = 0;
  let checksum = 0;
  try {
    for await (const chunk of method === methods.stored ? raw : inflate(raw)) {
      size += chunk.byteLength;
      // What says less than it has is not read to its end.
      if (size > header.size) break;
      checksum = crc32(chunk, checksum);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof CastoreError || !isOfZlib(error)) throw error;
    throw refuse('archive/malformed', header, `cannot be decompressed: ${messageOf(error)}`);
  }
  if (size !== header.size) throw refuse('archive/malformed', header, `has other contents than ${header.size} bytes`);
  if (checksum !== header.crc32) throw refuse('archive/malformed', header, 'has another checksum than its contents');
}

async function* inflate(raw: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const source = Readable.from(raw);
  const inflater = createInflateRaw();
  // What cannot be read ends the reading of what is made of it, too.
  source.on('error', error => inflater.destroy(error));
  try {
    for await (const chunk of source.pipe(inflater)) if (chunk instanceof Uint8Array) yield chunk;
  } finally {
    source.destroy();
    inflater.destroy();
  }
}

function isOfZlib(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}

function refuse(code: CastoreErrorCode, { path, offset }: ZipHeader, message: string): CastoreError {
  return new CastoreError(code, `'${displayName(path)}' in the archive ${message}`, { offset });
}
