import { type Brand, type ByteString, brandAs, byteStringFromText } from '../../base/index.ts';
import { canonicalPath } from '../canonical-path.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { type StorePath, parseStorePath } from './store-path.ts';

/** A canonical absolute path, one code unit a byte like a `ByteString`: it goes into hashes and derivations. */
export type StoreDir = Brand<string, 'StoreDir'>;

export const defaultStoreDir: StoreDir = brandAs<StoreDir>('/nix/store');

/** Canonicalises `path`. Throws `path/not-absolute`, `store-dir/is-root` or `store-dir/bad-character`. */
export function parseStoreDir(path: string): StoreDir {
  if (path.includes('\0'))
    throw new NixCompatError('store-dir/bad-character', 'a store directory has no NUL character');
  const directory = canonicalPath(path);
  if (directory === '/') throw new NixCompatError('store-dir/is-root', "the root directory can't be a store directory");
  return brandAs<StoreDir>(byteStringFromText(directory));
}

export function printStorePath(storeDir: StoreDir, path: StorePath): ByteString {
  return brandAs<ByteString>(`${storeDir}/${path}`);
}

/**
 * The store path that `path`, absolute, is. Throws `store-path/not-in-store` when it is no immediate child of
 * `storeDir`, `path/not-absolute`, or as `parseStorePath`.
 */
export function parseStorePathIn(storeDir: StoreDir, path: string): StorePath {
  const prefix = storeDir.length + 1;
  const absolute = isPlainChild(storeDir, path) ? path : canonicalPath(path);
  if (!isPlainChild(storeDir, absolute)) {
    throw new NixCompatError('store-path/not-in-store', `path "${excerpt(absolute)}" is not in the Nix store`);
  }
  return parseStorePath(absolute.slice(prefix));
}

/** A store path and what follows it: '' or a canonical path that begins with a slash. */
export interface SplitStorePath {
  readonly storePath: StorePath;
  readonly rest: string;
}

/**
 * Splits a path at or below a store path, looking at names only: symlinks are not followed. Throws
 * `store-path/not-in-store`, `path/not-absolute`, or as `parseStorePath`.
 */
export function splitStorePath(storeDir: StoreDir, path: string): SplitStorePath {
  const absolute = canonicalPath(path);
  if (!absolute.startsWith(`${storeDir}/`)) {
    throw new NixCompatError('store-path/not-in-store', `path '${excerpt(path)}' is not in the Nix store`);
  }
  const slash = absolute.indexOf('/', storeDir.length + 1);
  const end = slash < 0 ? absolute.length : slash;
  return { storePath: parseStorePath(absolute.slice(storeDir.length + 1, end)), rest: absolute.slice(end) };
}

function isPlainChild(storeDir: StoreDir, path: string): boolean {
  return path.startsWith(storeDir) && path.lastIndexOf('/') === storeDir.length && path.length > storeDir.length + 1;
}
