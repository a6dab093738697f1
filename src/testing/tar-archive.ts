/** A header of a tar archive and what follows it; fields as bytes in latin1. */
export interface TarPiece {
  readonly path?: string;
  readonly type?: string;
  readonly mode?: number;
  readonly mtime?: number;
  readonly linkPath?: string;
  readonly contents?: Uint8Array | string;
  /** What the header says, in place of the contents' size. */
  readonly size?: number | Uint8Array;
  readonly magic?: string;
  readonly prefix?: string;
  readonly checksum?: number;
}

const block = 512;

/** A well-formed archive, save for what the pieces say that is not; two empty blocks end it. */
export function tarArchive(pieces: readonly TarPiece[]): Buffer {
  return Buffer.concat([...pieces.map(tarPiece), Buffer.alloc(2 * block)]);
}

/** A header and the contents after it, padded. */
export function tarPiece(piece: TarPiece): Buffer {
  const given = piece.contents ?? '';
  const contents = typeof given === 'string' ? Buffer.from(given, 'latin1') : Buffer.from(given);
  const header = Buffer.alloc(block);
  header.write(piece.path ?? 'file', 0, 100, 'latin1');
  header.write(octal(piece.mode ?? 0o644, 8), 100, 'latin1');
  header.write(octal(0, 8), 108, 'latin1');
  header.write(octal(0, 8), 116, 'latin1');
  const { size = contents.byteLength } = piece;
  if (typeof size === 'number') header.write(octal(size, 12), 124, 'latin1');
  else header.set(size, 124);
  header.write(octal(piece.mtime ?? 1, 12), 136, 'latin1');
  header.fill(' ', 148, 156);
  header.write(piece.type ?? '0', 156, 'latin1');
  header.write(piece.linkPath ?? '', 157, 100, 'latin1');
  header.write(piece.magic ?? 'ustar\u000000', 257, 'latin1');
  header.write(piece.prefix ?? '', 345, 155, 'latin1');
  const sum = piece.checksum ?? header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padding = Buffer.alloc((block - (contents.byteLength % block)) % block);
  return Buffer.concat([header, contents, padding]);
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

/** A record of a pax header. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
}
