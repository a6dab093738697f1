import { type ByteString, brandAs } from '../base/index.ts';

/** An absolute path without `.`, `..` and empty parts. */
export function canonicalPathOf(path: ByteString): ByteString {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return brandAs<ByteString>(`/${parts.join('/')}`);
}

/** The folder that a path is in. */
export function parentOf(path: ByteString): ByteString {
  const at = path.lastIndexOf('/');
  return brandAs<ByteString>(at <= 0 ? '/' : path.slice(0, at));
}

/** The last part of a path. */
export function baseNameOf(path: ByteString): ByteString {
  return brandAs<ByteString>(path.slice(path.lastIndexOf('/') + 1));
}
