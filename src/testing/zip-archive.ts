import { crc32, deflateRawSync } from 'node:zlib';

/** An entry of a zip archive; texts as bytes in latin1. */
export interface ZipPiece {
  readonly path: string;
  readonly contents?: Uint8Array | string;
  /** As POSIX has it, with the type of file; a file that all may read unless given. */
  readonly mode?: number;
  /** Who made the attributes: 3 for Unix. */
  readonly system?: number;
  /** How the contents are kept: 0 as they are, 8 deflated. */
  readonly method?: number;
  readonly flags?: number;
  /** What the headers say, in place of what is so. */
  readonly size?: number;
  readonly crc32?: number;
  /** Of the entry in the directory. */
  readonly extra?: Uint8Array;
  /** When it was changed, as DOS has it: date in the upper half. */
  readonly dosTime?: number;
}

/** 1 January 1980, the first that there is. */
const firstDosTime = 0x210000;

/** An archive with a directory, well-formed save for what the pieces say that is not. */
export function zipArchive(pieces: readonly ZipPiece[], comment = ''): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const piece of pieces) {
    const { local, entry } = zipPiece(piece, offset);
    locals.push(local);
    entries.push(entry);
    offset += local.byteLength;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  for (const at of [8, 10]) end.writeUInt16LE(pieces.length, at);
  end.writeUInt32LE(directory.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, directory, end, Buffer.from(comment, 'latin1')]);
}

function zipPiece(piece: ZipPiece, offset: number): { readonly local: Buffer; readonly entry: Buffer } {
  const given = piece.contents ?? '';
  const contents = typeof given === 'string' ? Buffer.from(given, 'latin1') : Buffer.from(given);
  const { method = 8, flags = 0, system = 3, mode = 0o100644, size = contents.byteLength } = piece;
  const kept = method === 8 ? deflateRawSync(contents) : contents;
  const path = Buffer.from(piece.path, 'latin1');
  const extra = piece.extra ?? new Uint8Array(0);
  // The same in both headers, from the version needed to extract on.
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(flags, 2);
  common.writeUInt16LE(method, 4);
  common.writeUInt32LE(piece.dosTime ?? firstDosTime, 6);
  common.writeUInt32LE(piece.crc32 ?? crc32(contents), 10);
  common.writeUInt32LE(kept.byteLength, 14);
  common.writeUInt32LE(size, 18);
  common.writeUInt16LE(path.byteLength, 22);
  const local = Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), common, path, kept]);
  const entry = Buffer.alloc(46);
  entry.write('PK\u0001\u0002', 0, 'latin1');
  entry.writeUInt8(20, 4);
  entry.writeUInt8(system, 5);
  common.writeUInt16LE(extra.byteLength, 24);
  common.copy(entry, 6);
  entry.writeUInt32LE(system === 3 ? (mode << 16) >>> 0 : mode, 38);
  entry.writeUInt32LE(offset, 42);
  return { local, entry: Buffer.concat([entry, path, extra]) };
}
