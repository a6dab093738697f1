import { constants } from 'node:os';
import type { ByteString } from '../../base/index.ts';
import type { NodeId } from './request.ts';

/** What an inode is said to be (`struct fuse_attr`). */
export interface Attributes {
  readonly nodeId: NodeId;
  /** In bytes. */
  readonly size: number;
  /** Type and permissions, as st_mode has them. */
  readonly mode: number;
  /** For all of its times. */
  readonly time: Time;
  readonly user: number;
  readonly group: number;
}

/** Since 1970. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** How long the kernel may take for true what it was told, in seconds. */
export interface Validity {
  /** That the name stands for this inode, or for none. */
  readonly entry: number;
  readonly attributes: number;
}

/** As good as for ever: the kernel counts in ticks. */
export const forEver = 10 * 365 * 24 * 3600;

export type ErrorNumber = Extract<
  keyof typeof constants.errno,
  'EIO' | 'EINTR' | 'EINVAL' | 'EISDIR' | 'ENOENT' | 'ENOSYS' | 'ENOTDIR' | 'ENOTTY' | 'EROFS' | 'ESTALE'
>;

/** In bytes, of `struct fuse_out_header`. */
export const replyHeaderSize = 16;

const attributesSize = 88;
const entrySize = 40 + attributesSize;
const direntHeadSize = 24;

/**
 * Writes answers, each in the same memory as the one before: header and body as one write of /dev/fuse takes them. Numbers
 * are in the order of bytes of the machine, which is little-endian wherever this runs.
 */
export class ReplyWriter {
  readonly #bytes: Buffer;
  /** The same memory, in words of 32 bits: everything in the protocol but names is at multiples of these. */
  readonly #words: Uint32Array;
  #length = replyHeaderSize;

  /** `capacity`: of the longest body, in bytes. */
  constructor(capacity: number) {
    const memory = new ArrayBuffer(replyHeaderSize + capacity);
    this.#bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory, 0, memory.byteLength >> 2);
  }

  begin(): void {
    this.#length = replyHeaderSize;
  }

  /** The answer, lent until the next one is begun. */
  finish(unique: number): Buffer {
    return this.#finish(unique, 0);
  }

  /** The answer that nothing comes of it. */
  fail(unique: number, error: ErrorNumber): Buffer {
    this.#length = replyHeaderSize;
    return this.#finish(unique, -constants.errno[error]);
  }

  #finish(unique: number, error: number): Buffer {
    const words = this.#words;
    words[0] = this.#length;
    words[1] = error;
    this.#writeNumber(2, unique);
    return this.#bytes.subarray(0, this.#length);
  }

  bytes(body: Uint8Array): void {
    this.#bytes.set(body, this.#length);
    this.#length += body.byteLength;
  }

  text(text: ByteString): void {
    this.#length += this.#bytes.write(text, this.#length, text.length, 'latin1');
  }

  /** Room for `size` bytes that the caller fills; then `advance` says how many there are. */
  room(size: number): Buffer {
    return this.#bytes.subarray(this.#length, this.#length + size);
  }

  advance(count: number): void {
    this.#length += count;
  }

  /** `struct fuse_attr_out`. */
  attributes(attributes: Attributes, validity: number): void {
    const at = this.#reserve(16 + attributesSize);
    this.#writeNumber(at, validity);
    this.#words.fill(0, at + 2, at + 4);
    this.#writeAttributes(at + 4, attributes);
  }

  /** `struct fuse_entry_out`. */
  entry(attributes: Attributes, validity: Validity): void {
    this.#writeEntry(this.#reserve(entrySize), attributes, validity);
  }

  /** That a name stands for nothing, which the kernel may believe for `validity` seconds. */
  noEntry(validity: number): void {
    const at = this.#reserve(entrySize);
    this.#words.fill(0, at, at + entrySize / 4);
    this.#writeNumber(at + 4, validity);
  }

  /**
   * An entry of a folder; `next` is the offset at which the one after it is asked for. False where it does not fit into
   * `limit` bytes of body, and nothing is written.
   */
  dirent(dirent: Dirent, limit: number): boolean {
    const size = paddedDirentSize(dirent.name);
    if (this.#length - replyHeaderSize + size > limit) return false;
    this.#writeDirent(this.#reserve(size), dirent);
    return true;
  }

  /** The same with what a look-up would say; without `attributes` nothing is said of it. */
  direntplus(dirent: Dirent, attributes: Attributes | undefined, options: DirentplusOptions): boolean {
    const size = entrySize + paddedDirentSize(dirent.name);
    if (this.#length - replyHeaderSize + size > options.limit) return false;
    const at = this.#reserve(size);
    if (attributes === undefined) this.#words.fill(0, at, at + entrySize / 4);
    else this.#writeEntry(at, attributes, options.validity);
    this.#writeDirent(at + entrySize / 4, dirent);
    return true;
  }

  /** Whether one more `dirent` of this name, or `direntplus`, would fit into `limit` bytes of body. */
  fits(name: ByteString, limit: number, plus: boolean): boolean {
    return this.#length - replyHeaderSize + (plus ? entrySize : 0) + paddedDirentSize(name) <= limit;
  }

  /** `struct fuse_statfs_out`: a file system of no size. */
  statistics({ blockSize, maxName }: { readonly blockSize: number; readonly maxName: number }): void {
    const at = this.#reserve(80);
    const words = this.#words;
    words.fill(0, at, at + 20);
    words[at + 10] = blockSize;
    words[at + 11] = maxName;
    words[at + 12] = blockSize;
  }

  /** `struct fuse_open_out`, of a file or folder without a handle. */
  opened(flags: number): void {
    const at = this.#reserve(16);
    this.#words.fill(0, at, at + 4);
    this.#words[at + 2] = flags;
  }

  /** Returns the index of the first word of `size` bytes at the end. */
  #reserve(size: number): number {
    const at = this.#length >> 2;
    this.#length += size;
    return at;
  }

  #writeNumber(at: number, value: number): void {
    this.#words[at] = value;
    this.#words[at + 1] = Math.floor(value / 2 ** 32);
  }

  #writeEntry(at: number, attributes: Attributes, validity: Validity): void {
    const words = this.#words;
    this.#writeNumber(at, attributes.nodeId);
    // No inode's number is given to another one: all are of generation 0.
    words[at + 2] = words[at + 3] = 0;
    this.#writeNumber(at + 4, validity.entry);
    this.#writeNumber(at + 6, validity.attributes);
    words[at + 8] = words[at + 9] = 0;
    this.#writeAttributes(at + 10, attributes);
  }

  #writeAttributes(at: number, { nodeId, size, mode, time, user, group }: Attributes): void {
    const words = this.#words;
    this.#writeNumber(at, nodeId);
    this.#writeNumber(at + 2, size);
    // Blocks of 512 bytes.
    this.#writeNumber(at + 4, Math.ceil(size / 512));
    for (const timeAt of [at + 6, at + 8, at + 10]) this.#writeNumber(timeAt, time.seconds);
    words[at + 12] = words[at + 13] = words[at + 14] = time.nanoseconds;
    words[at + 15] = mode;
    // Links, user, group, device, size of blocks (the kernel's own choice), flags.
    words[at + 16] = 1;
    words[at + 17] = user;
    words[at + 18] = group;
    words[at + 19] = words[at + 20] = words[at + 21] = 0;
  }

  #writeDirent(at: number, { nodeId, next, name, mode }: Dirent): void {
    const words = this.#words;
    this.#writeNumber(at, nodeId);
    this.#writeNumber(at + 2, next);
    words[at + 4] = name.length;
    words[at + 5] = (mode >>> 12) & 0xf;
    const start = (at + 6) * 4;
    const end = start + this.#bytes.write(name, start, name.length, 'latin1');
    this.#bytes.fill(0, end, start + roundUp(name.length));
  }
}

export interface Dirent {
  readonly nodeId: NodeId;
  readonly next: number;
  readonly name: ByteString;
  /** As in `Attributes`. */
  readonly mode: number;
}

export interface DirentplusOptions {
  readonly validity: Validity;
  readonly limit: number;
}

function paddedDirentSize(name: ByteString): number {
  return direntHeadSize + roundUp(name.length);
}

function roundUp(length: number): number {
  return (length + 7) & ~7;
}
