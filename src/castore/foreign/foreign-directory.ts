import { type ByteString, asBuffer, brandAs, displayBytes, equalBytes } from '../../base/index.ts';
import { type AnyEntry, checkEntryCount, encodeEntries, maxDirectorySize } from '../directory.ts';
import { checkEntryName, checkSymlinkTarget, displayName } from '../entry-name.ts';
import { CastoreError } from '../error.ts';
import { type DigestFunction, isHashOf } from './foreign-digest.ts';
import { ProtobufReader } from './protobuf-reader.ts';

/** What a foreign `Directory` message says of files, directories and symlinks; entries in byte order of their names. */
export interface ForeignDirectory {
  readonly entries: readonly AnyEntry[];
  /** Of the entries' digests. */
  readonly digestFunction: DigestFunction;
  /** Whether the message is the one that these entries encode to: in order, without properties or unknown fields. */
  readonly canonical: boolean;
}

/**
 * Reads a `Directory` message in any form that protobuf allows: fields in any order, unknown ones and node properties
 * passed over, entries sorted. Still refused, with the offset: `directory/malformed`, `directory/bad-name`,
 * `directory/bad-symlink`, `digest/malformed`, `directory/unsorted` (two entries of one name), `directory/too-large`,
 * `directory/too-many-entries`.
 */
export function decodeForeignDirectory(bytes: Uint8Array, digestFunction: DigestFunction): ForeignDirectory {
  if (bytes.byteLength > maxDirectorySize) {
    const message = `a directory of ${bytes.byteLength} bytes is beyond the limit of ${maxDirectorySize}`;
    throw new CastoreError('directory/too-large', message);
  }
  const reader = new ProtobufReader(asBuffer(bytes));
  const entries: AnyEntry[] = [];
  for (let next = reader.nextField(); next !== undefined; next = reader.nextField()) {
    if (next.wireType !== 'bytes' || next.field > symlinks) reader.skip(next.wireType);
    else {
      entries.push(readEntry(next.field, reader, digestFunction));
      checkEntryCount(entries.length, reader.offset);
    }
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  refuseDuplicates(entries);
  return { entries, digestFunction, canonical: equalBytes(encodeEntries(entries), bytes) };
}

/** Fields of `Directory`. */
const files = 1;
const symlinks = 3;

/** Fields of `FileNode`, `DirectoryNode` and `SymlinkNode`. */
const nameField = 1;
const digestField = 2;
const targetField = 2;
const executableField = 4;

/** Fields of `Digest`. */
const hashField = 1;
const sizeField = 2;

function readEntry(list: number, outer: ProtobufReader, digestFunction: DigestFunction): AnyEntry {
  const start = outer.offset;
  const reader = outer.readMessage();
  let name = brandAs<ByteString>('');
  let target = brandAs<ByteString>('');
  let executable = false;
  // As protobuf has it: of several digests the fields are merged, of several scalars the last one counts.
  const digest = { hash: '', size: 0 };
  for (let next = reader.nextField(); next !== undefined; next = reader.nextField()) {
    const { field, wireType } = next;
    if (field === nameField && wireType === 'bytes') name = brandAs<ByteString>(reader.readString());
    else if (list === symlinks && field === targetField && wireType === 'bytes')
      target = brandAs<ByteString>(reader.readString());
    else if (list !== symlinks && field === digestField && wireType === 'bytes')
      readDigest(reader.readMessage(), digest);
    else if (list === files && field === executableField && wireType === 'varint')
      executable = reader.readVarint() !== 0;
    else reader.skip(wireType);
  }
  checkEntryName(name, start);
  if (list === symlinks) {
    checkSymlinkTarget(target, start);
    return { name, node: { kind: 'symlink', target } };
  }
  if (!isHashOf(digestFunction, digest.hash) || digest.size > Number.MAX_SAFE_INTEGER) {
    const message = `'${displayName(name)}' has no ${digestFunction} digest: '${displayBytes(brandAs<ByteString>(digest.hash.slice(0, 160)))}', ${digest.size} bytes`;
    throw new CastoreError('digest/malformed', message, { offset: start });
  }
  return { name, node: list === files ? { kind: 'file', digest, executable } : { kind: 'directory', digest } };
}

function readDigest(reader: ProtobufReader, digest: { hash: string; size: number }): void {
  for (let next = reader.nextField(); next !== undefined; next = reader.nextField()) {
    if (next.field === hashField && next.wireType === 'bytes') digest.hash = reader.readString();
    else if (next.field === sizeField && next.wireType === 'varint') digest.size = reader.readVarint();
    else reader.skip(next.wireType);
  }
}

function refuseDuplicates(sorted: readonly AnyEntry[]): void {
  let previous: ByteString | undefined;
  for (const { name } of sorted) {
    if (name === previous) {
      throw new CastoreError('directory/unsorted', `two directory entries are named '${displayName(name)}'`);
    }
    previous = name;
  }
}
