import { type ByteString, asBuffer, brandAs, unreachable } from '../base/index.ts';
import type { Digest, Sha256 } from './digest.ts';
import { checkEntryName, checkSymlinkTarget, displayName } from './entry-name.ts';
import { CastoreError } from './error.ts';
import type { Directory, DirectoryEntry, Node, SymlinkNode } from './node.ts';

/**
 * The codec of REAPI v2's `Directory` message, which is how a directory is stored and digested:
 *
 *     Directory     = files:1 FileNode*, directories:2 DirectoryNode*, symlinks:3 SymlinkNode*
 *     FileNode      = name:1, digest:2, is_executable:4
 *     DirectoryNode = name:1, digest:2
 *     SymlinkNode   = name:1, target:2
 *     Digest        = hash:1 (base16), size_bytes:2
 *
 * Exactly one message encodes a directory: fields in the order above, each list in ascending byte order of names,
 * varints as short as possible, proto3 defaults (size 0, not executable) left out, no node properties. Names and
 * targets are raw bytes, where REAPI's fields are UTF-8.
 */

/** In bytes, of an encoded `Directory`. */
export const maxDirectorySize = 128 * 1024 * 1024;

/** An entry takes 120 bytes of memory where 11 encode it: a message as large as it may be would take 1.5 GB. */
export const maxDirectoryEntries = 1_000_000;

/** Key bytes of a protobuf field: `number << 3 | wire type`, wire type 0 a varint, 2 length-delimited. */
const fileKey = 0x0a;
const directoryKey = 0x12;
const symlinkKey = 0x1a;
const nameKey = 0x0a;
const digestKey = 0x12;
const executableKey = 0x20;
const targetKey = 0x12;
const hashKey = 0x0a;
const sizeKey = 0x10;

const maxFieldNumber = 2 ** 29 - 1;

/** Of a SHA-256 in base16. */
const hashLength = 64;

/** The keys that each message may have. */
const keysOf = {
  Directory: [fileKey, directoryKey, symlinkKey],
  FileNode: [nameKey, digestKey, executableKey],
  DirectoryNode: [nameKey, digestKey],
  SymlinkNode: [nameKey, targetKey],
  Digest: [hashKey, sizeKey],
} as const satisfies Record<string, readonly number[]>;

type Message = keyof typeof keysOf;

/** A digest of whatever function, its hash in base16. */
export interface AnyDigest {
  readonly hash: string;
  readonly size: number;
}

/** An entry of a directory whose digests are of whatever function. */
export interface AnyEntry {
  readonly name: ByteString;
  readonly node:
    | { readonly kind: 'file'; readonly digest: AnyDigest; readonly executable: boolean }
    | { readonly kind: 'directory'; readonly digest: AnyDigest }
    | SymlinkNode;
}

/**
 * The message of `directory`. Throws `directory/bad-name`, `directory/unsorted`, `directory/bad-symlink`,
 * `digest/malformed` (a size that is no size), `directory/too-large` and `directory/too-many-entries`, so that what is
 * stored can always be read.
 */
export function encodeDirectory(directory: Directory): Uint8Array {
  return encodeEntries(directory.entries);
}

/** As `encodeDirectory`, for digests of whatever function. */
export function encodeEntries(entries: readonly AnyEntry[]): Uint8Array {
  checkEntryCount(entries.length);
  let files = 0;
  let directories = 0;
  let symlinks = 0;
  let previous: ByteString | undefined;
  for (const entry of entries) {
    checkEntryName(entry.name);
    if (previous !== undefined && entry.name <= previous) throw unsorted(entry.name, previous, undefined);
    previous = entry.name;
    const body = bodyLength(entry);
    const length = 1 + varintLength(body) + body;
    if (entry.node.kind === 'file') files += length;
    else if (entry.node.kind === 'directory') directories += length;
    else symlinks += length;
  }
  const total = files + directories + symlinks;
  if (total > maxDirectorySize) throw tooLarge(total);
  const out = Buffer.allocUnsafeSlow(total);
  let fileAt = 0;
  let directoryAt = files;
  let symlinkAt = files + directories;
  for (const entry of entries) {
    if (entry.node.kind === 'file') fileAt = writeEntry(out, fileAt, fileKey, entry);
    else if (entry.node.kind === 'directory') directoryAt = writeEntry(out, directoryAt, directoryKey, entry);
    else symlinkAt = writeEntry(out, symlinkAt, symlinkKey, entry);
  }
  return out;
}

function bodyLength({ name, node }: AnyEntry): number {
  const nameField = 1 + varintLength(name.length) + name.length;
  switch (node.kind) {
    case 'file':
      return nameField + digestFieldLength(node.digest) + (node.executable ? 2 : 0);
    case 'directory':
      return nameField + digestFieldLength(node.digest);
    case 'symlink':
      checkSymlinkTarget(node.target);
      return nameField + 1 + varintLength(node.target.length) + node.target.length;
    default:
      return unreachable(node);
  }
}

function digestFieldLength(digest: AnyDigest): number {
  const length = digestLength(digest);
  return 1 + varintLength(length) + length;
}

function digestLength({ hash, size }: AnyDigest): number {
  const hashField = 1 + varintLength(hash.length) + hash.length;
  if (size === 0) return hashField;
  if (!Number.isSafeInteger(size) || size < 0)
    throw new CastoreError('digest/malformed', `${size} is no size of a blob`);
  return hashField + 1 + varintLength(size);
}

function writeEntry(out: Buffer, start: number, key: number, entry: AnyEntry): number {
  const { name, node } = entry;
  let at = start;
  out[at++] = key;
  at = writeVarint(out, at, bodyLength(entry));
  at = writeString(out, at, nameKey, name);
  if (node.kind === 'symlink') return writeString(out, at, targetKey, node.target);
  at = writeDigest(out, at, node.digest);
  if (node.kind === 'file' && node.executable) {
    out[at++] = executableKey;
    out[at++] = 1;
  }
  return at;
}

function writeDigest(out: Buffer, start: number, digest: AnyDigest): number {
  out[start] = digestKey;
  let at = writeVarint(out, start + 1, digestLength(digest));
  at = writeString(out, at, hashKey, digest.hash);
  if (digest.size === 0) return at;
  out[at++] = sizeKey;
  return writeVarint(out, at, digest.size);
}

function writeString(out: Buffer, start: number, key: number, text: string): number {
  out[start] = key;
  const at = writeVarint(out, start + 1, text.length);
  out.write(text, at, text.length, 'latin1');
  return at + text.length;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest /= 0x80) length++;
  return length;
}

function writeVarint(out: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  // Bit operations see 32 bits, a size has up to 53.
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[at++] = (rest % 0x80) | 0x80;
  out[at++] = rest;
  return at;
}

/**
 * The directory that `bytes` encode, entries in byte order of their names. Only canonical messages are accepted, so
 * that encoding what was decoded gives the same bytes. Throws a `CastoreError` with the offset: `directory/malformed`,
 * `directory/not-canonical`, `directory/unsupported`, `directory/bad-name`, `directory/unsorted`,
 * `directory/bad-symlink`, `digest/malformed`, `directory/too-large`, `directory/too-many-entries`.
 */
export function decodeDirectory(bytes: Uint8Array): Directory {
  if (bytes.byteLength > maxDirectorySize) throw tooLarge(bytes.byteLength);
  const reader = new StrictReader(asBuffer(bytes));
  let entries = reader.readEntries(fileKey, []);
  entries = reader.readEntries(directoryKey, entries);
  entries = reader.readEntries(symlinkKey, entries);
  reader.finish();
  return { entries };
}

/** Reads canonical messages field by field; whatever departs from that form is explained by `irregular`. */
class StrictReader {
  readonly #bytes: Buffer;
  #at = 0;
  /** Where the innermost message that is being read ends. */
  #end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.byteLength;
  }

  /** The entries under `key` that come next, merged with `others`, which are sorted already. */
  readEntries(key: number, others: readonly DirectoryEntry[]): readonly DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    let merged = 0;
    let previous: ByteString | undefined;
    const outerEnd = this.#end;
    while (this.#at < outerEnd && this.#bytes[this.#at] === key) {
      this.#at++;
      this.#end = this.#readLength(outerEnd);
      const nameAt = this.#at;
      const name = this.#readString(nameKey);
      checkEntryName(name, nameAt);
      if (previous !== undefined && name <= previous) throw unsorted(name, previous, nameAt);
      previous = name;
      for (let other = others[merged]; other !== undefined && other.name <= name; other = others[++merged]) {
        if (other.name === name) throw unsorted(name, name, nameAt);
        entries.push(other);
      }
      entries.push({ name, node: this.#readNode(key) });
      checkEntryCount(entries.length + others.length - merged, nameAt);
      this.#end = outerEnd;
    }
    if (previous === undefined) return others;
    for (let other = others[merged]; other !== undefined; other = others[++merged]) entries.push(other);
    return entries;
  }

  finish(): void {
    if (this.#at !== this.#end) throw this.#irregular('Directory');
  }

  /** The fields after the name. */
  #readNode(key: number): Node {
    if (key === symlinkKey) {
      const targetAt = this.#at;
      const target = this.#readString(targetKey);
      checkSymlinkTarget(target, targetAt);
      if (this.#at !== this.#end) throw this.#irregular('SymlinkNode');
      return { kind: 'symlink', target };
    }
    const message = key === fileKey ? 'FileNode' : 'DirectoryNode';
    const digest = this.#readDigest(message);
    if (key === directoryKey) {
      if (this.#at !== this.#end) throw this.#irregular(message);
      return { kind: 'directory', digest };
    }
    let executable = false;
    if (this.#at + 2 <= this.#end && this.#bytes[this.#at] === executableKey && this.#bytes[this.#at + 1] === 1) {
      executable = true;
      this.#at += 2;
    }
    if (this.#at !== this.#end) throw this.#irregular(message);
    return { kind: 'file', digest, executable };
  }

  #readDigest(message: Message): Digest {
    if (this.#at === this.#end)
      throw new CastoreError('digest/malformed', `a ${message} without a digest`, { offset: this.#at });
    if (this.#bytes[this.#at] !== digestKey) throw this.#irregular(message);
    const outerEnd = this.#end;
    this.#at++;
    this.#end = this.#readLength(outerEnd);
    const hash = this.#readHash();
    let size = 0;
    if (this.#at !== this.#end) {
      if (this.#bytes[this.#at] !== sizeKey) throw this.#irregular('Digest');
      const keyAt = this.#at++;
      size = this.#readVarint();
      if (size > Number.MAX_SAFE_INTEGER) {
        throw new CastoreError('digest/malformed', 'a size beyond 2^53 bytes, or negative', { offset: keyAt });
      }
      if (size === 0)
        throw new CastoreError('directory/not-canonical', 'a size of 0 is written out', { offset: keyAt });
      if (this.#at !== this.#end) throw this.#irregular('Digest');
    }
    this.#end = outerEnd;
    return { hash, size };
  }

  #readHash(): Sha256 {
    const at = this.#at;
    if (at < this.#end && this.#bytes[at] !== hashKey) throw this.#irregular('Digest');
    const start = at + 2;
    const end = start + hashLength;
    let valid = end <= this.#end && this.#bytes[at + 1] === hashLength;
    for (let i = start; valid && i < end; i++) {
      const byte = this.#bytes[i] ?? 0;
      valid = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
    }
    if (!valid)
      throw new CastoreError('digest/malformed', 'a digest without 64 lower-case base16 digits', { offset: at });
    this.#at = end;
    return brandAs<Sha256>(this.#bytes.toString('latin1', start, end));
  }

  /** The string under `key` that comes next; the empty one, being proto3's default, when it is absent. */
  #readString(key: number): ByteString {
    if (this.#at === this.#end || this.#bytes[this.#at] !== key) return brandAs<ByteString>('');
    this.#at++;
    const end = this.#readLength(this.#end);
    const text = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end;
    return brandAs<ByteString>(text);
  }

  /** A length prefix; returns where what it measures ends, which is not past `limit`. */
  #readLength(limit: number): number {
    const start = this.#at;
    // In nearly every message: one byte.
    const first = this.#bytes[start] ?? 0x80;
    let length = first;
    if (start < limit && first < 0x80) this.#at++;
    else length = this.#readVarint();
    const end = this.#at + length;
    if (end > limit) {
      throw new CastoreError('directory/malformed', `${length} bytes announced, ${limit - this.#at} left`, {
        offset: start,
      });
    }
    return end;
  }

  #readVarint(): number {
    const start = this.#at;
    let value = 0;
    let scale = 1;
    for (let at = start; at < this.#end && at < start + 10; scale *= 0x80) {
      const byte = this.#bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (byte === 0 && at > start + 1) {
        throw new CastoreError('directory/not-canonical', 'a number is longer than it needs to be', { offset: start });
      }
      this.#at = at;
      return value;
    }
    throw new CastoreError('directory/malformed', 'a number does not end', { offset: start });
  }

  /** Why the next field of `message` is not one that canonical form has there. */
  #irregular(message: Message): CastoreError {
    const offset = this.#at;
    const key = this.#readVarint();
    const field = Math.floor(key / 8);
    const wireType = key % 8;
    if (field === 0 || field > maxFieldNumber || wireType === 3 || wireType === 4 || wireType > 5) {
      return new CastoreError('directory/malformed', `no field of a ${message} starts here`, { offset });
    }
    const keys: readonly number[] = keysOf[message];
    return keys.includes(key)
      ? new CastoreError('directory/not-canonical', `field ${field} of a ${message} is misplaced or a default`, {
          offset,
        })
      : new CastoreError('directory/unsupported', `field ${field} of a ${message} is not supported`, { offset });
  }
}

function unsorted(name: ByteString, previous: ByteString, offset: number | undefined): CastoreError {
  const message =
    name === previous
      ? `two directory entries are named '${displayName(name)}'`
      : `the directory entry '${displayName(name)}' comes after '${displayName(previous)}'`;
  return new CastoreError('directory/unsorted', message, { offset });
}

/** Throws `directory/too-many-entries`. */
export function checkEntryCount(count: number, offset?: number): void {
  if (count <= maxDirectoryEntries) return;
  const message = `a directory has more than ${maxDirectoryEntries} entries, which is the limit`;
  throw new CastoreError('directory/too-many-entries', message, { offset });
}

function tooLarge(size: number): CastoreError {
  return new CastoreError(
    'directory/too-large',
    `a directory of ${size} bytes is beyond the limit of ${maxDirectorySize}`,
  );
}
