import { readlinkSync } from 'node:fs';
import {
  type ByteString,
  byteStringFromLatin1,
  byteStringFromText,
  bytesOf,
  displayBytes,
  textOf,
} from '../base/index.ts';
import { canonicalPath } from '../nix-compat/index.ts';

/** A path as node:fs takes it: text where the bytes are UTF-8, else the bytes. */
export function fsPathOf(path: ByteString): string | Buffer {
  return textOf(path) ?? bytesOf(path);
}

/** For messages that show paths in double quotes, as C++ Nix does in some. */
export function quotePath(path: ByteString): string {
  return `"${displayBytes(path)}"`;
}

/** `path`, from the working directory on if it is relative, in canonical form; symlinks are not looked at. */
export function absolutePath(path: ByteString): ByteString {
  return byteStringFromLatin1(canonicalPath(path.startsWith('/') ? path : `${workingDirectory()}/${path}`));
}

/** `path` in canonical form, taken to start at the root of something. */
export function pathFromRoot(path: ByteString): ByteString {
  return byteStringFromLatin1(canonicalPath(`/${path}`));
}

function workingDirectory(): ByteString {
  const text = process.cwd();
  // A folder whose name is not UTF-8 has replacement characters in it, and is readable in raw form only on Linux.
  if (!text.includes('\ufffd') || process.platform !== 'linux') return byteStringFromText(text);
  return byteStringFromLatin1(readlinkSync('/proc/self/cwd', 'latin1'));
}
