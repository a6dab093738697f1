import { paddedLength } from './phrase.ts';

/**
 * The exact size of a NAR follows from the shape of its tree alone:
 *
 *     narMagicSize + node,  node = fileNodeSize(...) | symlinkNodeSize(...)
 *                                | directoryNodeSize + the sum over its entries of entrySize(name) + node
 *
 * All in bytes; lengths of names and targets too.
 */
export const narMagicSize = 24;

/** A directory without its entries. */
export const directoryNodeSize = 72;

/** An entry without its node. */
export function entrySize(nameLength: number): number {
  return 88 + paddedLength(nameLength);
}

/** A file together with its contents. */
export function fileNodeSize(executable: boolean, size: number): number {
  return fileContentsOffset(executable) + paddedLength(size) + 16;
}

/** From the start of a file's node to its contents. */
export function fileContentsOffset(executable: boolean): number {
  return executable ? 104 : 72;
}

export function symlinkNodeSize(targetLength: number): number {
  return 88 + paddedLength(targetLength);
}
