import { readlinkSync } from 'node:fs';
import {
  type ByteString,
  byteStringFromLatin1,
  byteStringFromText,
  bytesOf,
  displayBytes,
  textOf,
} from '../base/index.ts';

/** A path as node:fs takes it: text where the bytes are UTF-8, else the bytes. */
export function fsPathOf(path: ByteString): string | Buffer {
  return textOf(path) ?? bytesOf(path);
}

/** For messages that show paths in double quotes, as C++ Nix does in some. */
export function quotePath(path: ByteString): string {
  return `"${displayBytes(path)}"`;
}

export function isAbsolute(path: string): boolean {
  return path.startsWith('/');
}

/** Without `.`, `..`, doubled and trailing slashes; symlinks are not looked at. `path` is absolute. */
export function canonicalPath(path: ByteString): ByteString {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return byteStringFromLatin1(`/${parts.join('/')}`);
}

/** `path`, from the working directory on if it is relative, in canonical form. */
export function absolutePath(path: ByteString): ByteString {
  if (isAbsolute(path)) return canonicalPath(path);
  return canonicalPath(byteStringFromLatin1(`${workingDirectory()}/${path}`));
}

function workingDirectory(): ByteString {
  const text = process.cwd();
  // A folder whose name is not UTF-8 has replacement characters in it, and is readable in raw form only on Linux.
  if (!text.includes('\ufffd') || process.platform !== 'linux') return byteStringFromText(text);
  return byteStringFromLatin1(readlinkSync('/proc/self/cwd', 'latin1'));
}
