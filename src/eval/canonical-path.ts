import { type ByteString, brandAs } from '../base/index.ts';
import { canonicalPath } from '../nix-compat/index.ts';

/** A path without `.`, `..` and empty parts; a relative one starts from the root. */
export function canonicalPathOf(path: ByteString): ByteString {
  return brandAs<ByteString>(canonicalPath(`/${path}`));
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
