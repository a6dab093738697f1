import { type ByteString, asBuffer, brandAs } from '../../../base/index.ts';
import { displayName } from '../../entry-name.ts';
import { CastoreError } from '../../error.ts';
import type { ArchiveEntryKind } from '../archive-import.ts';
import type { ByteSource } from '../byte-source.ts';
import { type PaxRecords, applyPaxRecords, isSparse, mergePaxRecords, parsePaxRecords } from './pax-records.ts';
import { type TarHeader, blockSize, isZeroBlock, parseTarHeader } from './tar-header.ts';

export interface TarEntry extends Omit<TarHeader, 'type'> {
  readonly kind: ArchiveEntryKind;
  /** Of its header in the archive, in bytes. */
  readonly offset: number;
}

/** Bytes of a header that says more of the entry after it: long names, pax records. */
export const maxExtensionSize = 1024 * 1024;

const kinds: ReadonlyMap<string, ArchiveEntryKind> = new Map([
  ['0', 'file'],
  ['\0', 'file'],
  // Contiguous, where a system has it.
  ['7', 'file'],
  ['1', 'hard link'],
  ['2', 'symlink'],
  ['3', 'character device'],
  ['4', 'block device'],
  ['5', 'directory'],
  ['6', 'FIFO'],
]);

/**
 * Reads the entries of a tar archive: the oldest format, ustar, GNU's long names and large numbers, pax. The contents of
 * an entry are taken by its reader, or else passed over. Throws `archive/malformed`, `archive/truncated`,
 * `archive/unsupported` (sparse files, several volumes, unknown types), `archive/too-large` (a header), with the offset.
 */
export class TarReader {
  readonly #source: ByteSource;
  #global: PaxRecords = new Map();
  /** Bytes of the entry's contents, and then of padding, that have not been taken. */
  #left = 0;
  #padding = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next entry; undefined at the end of the archive, after which nothing is read. */
  async next(): Promise<TarEntry | undefined> {
    await this.#skip(this.#left + this.#padding);
    this.#left = 0;
    this.#padding = 0;
    let records = this.#global;
    let longName: ByteString | undefined;
    let longLink: ByteString | undefined;
    for (;;) {
      const offset = this.#source.offset;
      const block = await this.#source.read(blockSize);
      if (block.byteLength < blockSize) throw this.#truncated('without the two empty blocks of an end');
      // One is the end for all readers; that two are written is a relic of tapes.
      if (isZeroBlock(block)) return undefined;
      const header = parseTarHeader(block, offset);
      switch (header.type) {
        case 'L':
          longName = await this.#readText(header, offset);
          break;
        case 'K':
          longLink = await this.#readText(header, offset);
          break;
        case 'x':
        // Solaris' own letter for it.
        case 'X':
          records = mergePaxRecords(
            records,
            parsePaxRecords(await this.#readExtension(header, offset), offset + blockSize),
          );
          break;
        case 'g':
          this.#global = mergePaxRecords(
            this.#global,
            parsePaxRecords(await this.#readExtension(header, offset), offset + blockSize),
          );
          records = mergePaxRecords(this.#global, records);
          break;
        default: {
          const named = { ...header, path: longName ?? header.path, linkPath: longLink ?? header.linkPath };
          return this.#startEntry(applyPaxRecords(named, records, offset), isSparse(records), offset);
        }
      }
    }
  }

  /** The contents of the entry that came last, each piece lent until the next is asked for. */
  async *contents(): AsyncGenerator<Uint8Array, void> {
    for await (const piece of this.#source.lend(this.#left)) {
      this.#left -= piece.byteLength;
      yield piece;
    }
    if (this.#left > 0) throw this.#truncated('within a file');
  }

  #startEntry(header: TarHeader, sparse: boolean, offset: number): TarEntry {
    const { type, ...rest } = header;
    const kind = kinds.get(type);
    if (kind === undefined || sparse) {
      const what = sparse || type === 'S' ? 'a sparse file' : `of the unknown type '${displayType(type)}'`;
      const message = `'${displayName(header.path)}' in the archive is ${what}, which is not supported`;
      throw new CastoreError('archive/unsupported', message, { offset });
    }
    // Others may say a size (links that of their target), and no contents follow all the same.
    const size = kind === 'file' ? header.size : 0;
    this.#left = size;
    this.#padding = paddingOf(size);
    // In the oldest format a slash tells a directory.
    const isDirectory = kind === 'file' && header.path.endsWith('/');
    return { ...rest, size, offset, kind: isDirectory ? 'directory' : kind };
  }

  async #readText(header: TarHeader, offset: number): Promise<ByteString> {
    const bytes = asBuffer(await this.#readExtension(header, offset));
    const end = bytes.indexOf(0);
    return brandAs<ByteString>(bytes.toString('latin1', 0, end === -1 ? bytes.byteLength : end));
  }

  async #readExtension({ size }: TarHeader, offset: number): Promise<Uint8Array> {
    if (size > maxExtensionSize) {
      const message = `a header of ${size} bytes is beyond the limit of ${maxExtensionSize}`;
      throw new CastoreError('archive/too-large', message, { offset });
    }
    const bytes = await this.#source.read(size);
    if (bytes.byteLength < size) throw this.#truncated('within a header');
    await this.#skip(paddingOf(size));
    return bytes;
  }

  async #skip(size: number): Promise<void> {
    if (!(await this.#source.skip(size))) throw this.#truncated('within a file');
  }

  #truncated(where: string): CastoreError {
    return new CastoreError('archive/truncated', `the archive breaks off ${where}`, { offset: this.#source.offset });
  }
}

/** From `size` bytes to the end of their last block. */
function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

function displayType(type: string): string {
  return /^[!-~]$/.test(type) ? type : `\\x${type.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
