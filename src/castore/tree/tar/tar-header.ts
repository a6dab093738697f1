import { type ByteString, asBuffer, brandAs } from '../../../base/index.ts';
import { CastoreError } from '../../error.ts';

/** Tar archives are made of blocks of this many bytes. */
export const blockSize = 512;

/** A header block, its fields as they stand. */
export interface TarHeader {
  /** `prefix` and `name` joined, if the format has a prefix. */
  readonly path: ByteString;
  readonly linkPath: ByteString;
  readonly mode: number;
  /** Of the contents that follow, in bytes. */
  readonly size: number;
  /** In seconds of Unix time. */
  readonly mtime: number;
  /** One character; NUL for the oldest format's files. */
  readonly type: string;
}

/** Where fields are, as POSIX.1-1988 has them: offset and length in bytes. */
const field = {
  name: [0, 100],
  mode: [100, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const;

/** POSIX; GNU's `ustar` and two spaces has other things where the prefix would be. */
const posixMagic = 'ustar\u000000';

export function isZeroBlock(block: Uint8Array): boolean {
  return block.every(byte => byte === 0);
}

/** Reads a header that stands at `offset` in the archive. Throws `archive/malformed`. */
export function parseTarHeader(block: Uint8Array, offset: number): TarHeader {
  const bytes = asBuffer(block);
  checkChecksum(bytes, offset);
  const text = ([start, length]: readonly [number, number]) => {
    const end = bytes.indexOf(0, start);
    return bytes.toString('latin1', start, end === -1 || end > start + length ? start + length : end);
  };
  const number = (name: 'mode' | 'size' | 'mtime') => {
    const [start, length] = field[name];
    const value = parseNumber(bytes.subarray(start, start + length));
    if (value === undefined) throw malformed(`the ${name} in a header is no number`, offset + start);
    return value;
  };
  const [magicStart, magicLength] = field.magic;
  const isPosix = bytes.toString('latin1', magicStart, magicStart + magicLength) === posixMagic;
  const prefix = isPosix ? text(field.prefix) : '';
  const name = text(field.name);
  const size = number('size');
  if (size < 0) throw malformed('a negative size', offset + field.size[0]);
  return {
    path: brandAs<ByteString>(prefix === '' ? name : `${prefix}/${name}`),
    linkPath: brandAs<ByteString>(text(field.linkName)),
    mode: number('mode'),
    size,
    mtime: number('mtime'),
    type: bytes.toString('latin1', field.type[0], field.type[0] + 1),
  };
}

/** The sum of the block's bytes with blanks for the checksum; old writers took the bytes as signed. */
function checkChecksum(bytes: Buffer, offset: number): void {
  const [start, length] = field.checksum;
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < blockSize; at++) {
    const byte = at >= start && at < start + length ? 0x20 : (bytes[at] ?? 0);
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  const sum = parseNumber(bytes.subarray(start, start + length));
  if (sum !== unsigned && sum !== signed) throw malformed('no tar header: its checksum is wrong', offset + start);
}

/** Octal between blanks and NULs, or GNU's big-endian binary; undefined if it is neither, or beyond 2^53. */
function parseNumber(bytes: Buffer): number | undefined {
  const [first = 0] = bytes;
  if (first >= 0x80) return parseBinary(bytes);
  const text = bytes.toString('latin1');
  const [, digits] = /^ *([0-7]*)[ \0]*$/.exec(text) ?? [];
  return digits === undefined ? undefined : digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** Two's complement, save that the topmost bit is set as the sign of this form. */
function parseBinary(bytes: Buffer): number | undefined {
  const [first = 0, ...rest] = bytes;
  const negative = first === 0xff;
  if (!negative && first !== 0x80) return undefined;
  const magnitude = rest.reduce((value, byte) => value * 256 + (negative ? 0xff - byte : byte), 0);
  const value = negative ? -magnitude - 1 : magnitude;
  return Number.isSafeInteger(value) ? value : undefined;
}

function malformed(message: string, offset: number): CastoreError {
  return new CastoreError('archive/malformed', message, { offset });
}
