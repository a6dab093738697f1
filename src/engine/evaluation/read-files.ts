/** What an evaluation reads of this machine's files; paths and names are bytes. Errors are those of the system. */
import { type Stats, lstatSync, readdirSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, byteStringFromText, byteStringOf, errnoOf } from '../../base/index.ts';
import type { FsPath } from '../../castore/index.ts';
import type { FileInfo, FileType } from '../../eval/index.ts';

/** Names that are text stay text, which is quicker. */
export function fsPathOf(path: ByteString): string | Buffer {
  // oxlint-disable-next-line no-control-regex -- ASCII is what is asked for
  return /^[\x00-\x7f]*$/.test(path) ? path : Buffer.from(path, 'latin1');
}

/** The bytes of a path that the file system is walked by. */
export function byteStringAt(path: FsPath): ByteString {
  return typeof path === 'string' ? byteStringFromText(path) : byteStringOf(path);
}

/** What is at `path`; undefined where nothing is. Symlinks are not followed. */
export function statFile(path: ByteString): FileInfo | undefined {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(fsPathOf(path), { throwIfNoEntry: false });
  } catch (error) {
    // Below what is no directory there is nothing.
    if (errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
  return stats === undefined ? undefined : { type: typeOf(stats), executable: (stats.mode & 0o111) !== 0 };
}

/** Names and types of a directory's entries. */
export function listDirectory(path: ByteString): Map<ByteString, FileType> {
  const entries = readdirSync(fsPathOf(path), { encoding: 'latin1', withFileTypes: true });
  return new Map(entries.map(entry => [byteStringFromLatin1(entry.name), typeOf(entry)]));
}

interface Typed {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

function typeOf(entry: Typed): FileType {
  if (entry.isFile()) return 'regular';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'symlink' : 'unknown';
}
