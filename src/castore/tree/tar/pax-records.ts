import { type ByteString, asBuffer, brandAs } from '../../../base/index.ts';
import { CastoreError } from '../../error.ts';
import type { TarHeader } from './tar-header.ts';

/** What pax headers (POSIX.1-2001) say of the entries after them, by key, as far as it matters to a tree. */
export type PaxRecords = ReadonlyMap<string, string>;

const wanted: ReadonlySet<string> = new Set(['path', 'linkpath', 'size', 'mtime']);

/** GNU's sparse files, all versions of them. */
const sparsePrefix = 'GNU.sparse.';

/** Of the length that a record begins with. */
const maxLengthDigits = 8;

const sizePattern = /^([0-9]{1,15})$/;
const secondsPattern = /^(-?[0-9]{1,15})(?:\.[0-9]*)?$/;

/**
 * The records `LENGTH KEY=VALUE\n` of a header that stands at `offset` in the archive; LENGTH counts the whole record.
 * Throws `archive/malformed`.
 */
export function parsePaxRecords(header: Uint8Array, offset: number): PaxRecords {
  const bytes = asBuffer(header);
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.byteLength;) {
    const space = bytes.subarray(at, at + maxLengthDigits + 1).indexOf(0x20);
    const digits = space === -1 ? '' : bytes.toString('latin1', at, at + space);
    const end = at + Number(digits);
    const isRecord = /^[1-9][0-9]*$/.test(digits) && end <= bytes.byteLength && bytes[end - 1] === 0x0a;
    const equals = isRecord ? bytes.indexOf(0x3d, at + space + 1) : -1;
    if (equals === -1 || equals >= end) throw malformed('no record of a pax header', offset + at);
    const key = bytes.toString('latin1', at + space + 1, equals);
    const value = bytes.toString('latin1', equals + 1, end - 1);
    if (wanted.has(key)) records.set(key, value);
    else if (key.startsWith(sparsePrefix)) records.set(sparsePrefix, value);
    at = end;
  }
  return records;
}

/** Later records stand for earlier ones. */
export function mergePaxRecords(earlier: PaxRecords, later: PaxRecords): PaxRecords {
  return later.size === 0 ? earlier : new Map([...earlier, ...later]);
}

export function isSparse(records: PaxRecords): boolean {
  return records.has(sparsePrefix);
}

/** The header with what the records say; an empty value leaves what it says itself. Throws `archive/malformed`. */
export function applyPaxRecords(header: TarHeader, records: PaxRecords, offset: number): TarHeader {
  if (records.size === 0) return header;
  const fail = (message: string) => malformed(message, offset);
  const valueOf = (key: string) => records.get(key) || undefined;
  const number = (key: string, pattern: RegExp) => {
    const value = valueOf(key);
    if (value === undefined) return undefined;
    const [, digits] = pattern.exec(value) ?? [];
    if (digits === undefined) throw fail(`the ${key} '${value.slice(0, 40)}' of a pax header is no number`);
    return Number(digits);
  };
  const path = brandAs<ByteString>(valueOf('path') ?? header.path);
  const linkPath = brandAs<ByteString>(valueOf('linkpath') ?? header.linkPath);
  if (path.includes('\0') || linkPath.includes('\0')) throw fail('a NUL in a path of a pax header');
  return {
    ...header,
    path,
    linkPath,
    size: number('size', sizePattern) ?? header.size,
    mtime: number('mtime', secondsPattern) ?? header.mtime,
  };
}

function malformed(message: string, offset: number): CastoreError {
  return new CastoreError('archive/malformed', message, { offset });
}
