import { type ByteString, byteStringOf } from '../../../base/index.ts';
import { displayName } from '../../entry-name.ts';
import { CastoreError } from '../../error.ts';
import type { RandomAccessFile } from './random-access-file.ts';
import { readExtraFields } from './zip-extra-fields.ts';

/** An entry as the archive's directory has it. */
export interface ZipHeader {
  readonly path: ByteString;
  /** As POSIX has it, with the type of file; 0 where another system's attributes are all there is. */
  readonly mode: number;
  /** Whether attributes of DOS say that it is a directory. */
  readonly isDosDirectory: boolean;
  /** In seconds of Unix time. */
  readonly mtime: number;
  /** 0 for contents as they are, 8 for deflate. */
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc32: number;
  /** Bytes of the contents as they are in the archive, and as they are meant. */
  readonly compressedSize: number;
  readonly size: number;
  /** Of its local header, in bytes. */
  readonly offset: number;
}

const signatures = { entry: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50 } as const;

/** The end is followed by a comment of at most 64 KiB. */
const endSize = 22;
const maxCommentSize = 65_535;
const entrySize = 46;

/** Bytes of a directory, which is held in memory. */
const maxDirectorySize = 512 * 1024 * 1024;

/** Who made an entry's attributes: the upper byte of a version. */
const unix = 3;

const encryptedFlag = 1;

interface DirectoryPlace {
  readonly offset: number;
  readonly size: number;
}

/**
 * The entries of a zip archive, in the order in which they lie in it (PKWARE's APPNOTE, sections 4.3.12 to 4.3.16). Throws
 * `archive/malformed`, `archive/truncated`, `archive/too-large`.
 */
export async function readZipDirectory(file: RandomAccessFile): Promise<ZipHeader[]> {
  const { offset: start, size } = await findDirectory(file);
  if (size > maxDirectorySize) {
    const message = `the archive's directory of ${size} bytes is beyond the limit of ${maxDirectorySize}`;
    throw new CastoreError('archive/too-large', message, { offset: start });
  }
  const directory = await file.read(start, size);
  const headers: ZipHeader[] = [];
  for (let at = 0; at < size;) {
    if (at + entrySize > size || directory.readUInt32LE(at) !== signatures.entry) throw malformed(start + at);
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map(field => directory.readUInt16LE(at + field));
    const end = at + entrySize + (nameSize ?? 0) + (extraSize ?? 0) + (commentSize ?? 0);
    if (end > size) throw malformed(start + at);
    headers.push(parseEntry(directory.subarray(at, end), start + at));
    at = end;
  }
  return headers.toSorted((a, b) => a.offset - b.offset);
}

function parseEntry(bytes: Buffer, at: number): ZipHeader {
  const nameEnd = entrySize + bytes.readUInt16LE(28);
  const path = byteStringOf(bytes.subarray(entrySize, nameEnd));
  const fields = readExtraFields(bytes.subarray(nameEnd, nameEnd + bytes.readUInt16LE(30)), {
    size: bytes.readUInt32LE(24),
    compressedSize: bytes.readUInt32LE(20),
    offset: bytes.readUInt32LE(42),
  });
  if (fields === undefined) {
    throw new CastoreError('archive/malformed', `'${displayName(path)}' in the archive has no sound sizes`, {
      offset: at,
    });
  }
  const attributes = bytes.readUInt32LE(38);
  return {
    path,
    mode: bytes.readUInt8(5) === unix ? attributes >>> 16 : 0,
    isDosDirectory: (attributes & 0x10) !== 0,
    mtime: fields.mtime ?? timeOfDos(bytes.readUInt16LE(14), bytes.readUInt16LE(12)),
    method: bytes.readUInt16LE(10),
    isEncrypted: (bytes.readUInt16LE(8) & encryptedFlag) !== 0,
    crc32: bytes.readUInt32LE(16),
    compressedSize: fields.compressedSize,
    size: fields.size,
    offset: fields.offset,
  };
}

/** In the time of this place, as DOS has it: to two seconds, from 1980 on. */
function timeOfDos(date: number, time: number): number {
  const [year, month, day] = [1980 + (date >> 9), ((date >> 5) & 15) - 1, date & 31];
  const made = new Date(year, month, day, time >> 11, (time >> 5) & 63, (time & 31) * 2);
  return Math.floor(made.getTime() / 1000);
}

async function findDirectory(file: RandomAccessFile): Promise<DirectoryPlace> {
  const tailSize = Math.min(file.size, endSize + maxCommentSize);
  const tailStart = file.size - tailSize;
  const tail = await file.read(tailStart, tailSize);
  for (let at = tailSize - endSize; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== signatures.end) continue;
    const place = { size: tail.readUInt32LE(at + 12), offset: tail.readUInt32LE(at + 16) };
    if (place.size !== 0xffffffff && place.offset !== 0xffffffff) return place;
    return findDirectory64(file, tailStart + at);
  }
  throw new CastoreError('archive/malformed', 'the zip archive has no end of its directory', { offset: file.size });
}

/** Of archives beyond 4 GiB: what is before the usual end says where another one is. */
async function findDirectory64(file: RandomAccessFile, end: number): Promise<DirectoryPlace> {
  const locator = await file.read(end - 20, 20);
  if (locator.readUInt32LE(0) !== signatures.locator64) throw malformed(end - 20);
  const at = toNumber(locator.readBigUInt64LE(8), end - 20);
  const record = await file.read(at, 56);
  if (record.readUInt32LE(0) !== signatures.end64) throw malformed(at);
  return { size: toNumber(record.readBigUInt64LE(40), at), offset: toNumber(record.readBigUInt64LE(48), at) };
}

function toNumber(value: bigint, offset: number): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(offset);
  return Number(value);
}

function malformed(offset: number): CastoreError {
  return new CastoreError('archive/malformed', "the zip archive's directory is damaged", { offset });
}
