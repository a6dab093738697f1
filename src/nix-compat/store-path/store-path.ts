import { type Brand, brandAs } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { findNotNix32 } from '../hash/nix32.ts';

/** A store path's base name, `<32 Nix32 digits>-<name>`: the same whatever the store directory. */
export type StorePath = Brand<string, 'StorePath'>;

/** Digits of the hash part: 160 bits. */
export const storePathHashLength = 32;

/** Longest name, in bytes; with hash part and dash a base name stays below the 255 of file systems. */
export const maxStorePathNameLength = 211;

/** Matches whatever has the form of a base name. Not all that matches is one: `parseStorePath`. */
export const storePathForm = /^[0-9a-z]{32}-./;

const illegal = /[^0-9a-zA-Z+\-._?=]/;

/** Throws `store-path/bad-name` unless `name` may follow the hash part. */
export function checkStorePathName(name: string): void {
  const complaint = complainAboutName(name);
  if (complaint !== undefined) throw new NixCompatError('store-path/bad-name', complaint);
}

function complainAboutName(name: string): string | undefined {
  if (name === '') return 'name must not be empty';
  const shown = excerpt(name);
  if (name.length > maxStorePathNameLength) {
    return `name '${shown}' must be no longer than ${maxStorePathNameLength} characters`;
  }
  if (name === '.' || name === '..') return `name '${shown}' is not valid`;
  const dots = name.startsWith('.-') ? '.' : name.startsWith('..-') ? '..' : undefined;
  if (dots !== undefined) {
    return `name '${shown}' is not valid: first dash-separated component must not be '${dots}'`;
  }
  const at = name.search(illegal);
  return at < 0 ? undefined : `name '${shown}' contains illegal character '${name.charAt(at)}'`;
}

/**
 * Checks a base name. Throws `store-path/too-short`, `store-path/bad-hash-part`, `store-path/no-dash` or
 * `store-path/bad-name`.
 */
export function parseStorePath(baseName: string): StorePath {
  const shown = excerpt(baseName);
  if (baseName.length < storePathHashLength + 1) {
    throw new NixCompatError('store-path/too-short', `'${shown}' is too short to be a valid store path`);
  }
  const hashPart = baseName.slice(0, storePathHashLength);
  const offset = findNotNix32(hashPart);
  if (offset >= 0) {
    const message = `store path '${shown}' contains illegal base-32 character '${hashPart.charAt(offset)}'`;
    throw new NixCompatError('store-path/bad-hash-part', message, { offset });
  }
  if (baseName[storePathHashLength] !== '-') {
    // C++ Nix does not look at this character; no path that it makes has another here.
    const message = `path '${shown}' is not a valid store path: its hash part is not followed by '-'`;
    throw new NixCompatError('store-path/no-dash', message, { offset: storePathHashLength });
  }
  const complaint = complainAboutName(baseName.slice(storePathHashLength + 1));
  if (complaint !== undefined) {
    const message = `path '${shown}' is not a valid store path: ${complaint}`;
    throw new NixCompatError('store-path/bad-name', message, { offset: storePathHashLength + 1 });
  }
  return brandAs<StorePath>(baseName);
}

/** Joins a hash part, as Nix32 digits, and a name. Throws as `parseStorePath`. */
export function joinStorePath(hashPart: string, name: string): StorePath {
  return parseStorePath(`${hashPart}-${name}`);
}

/** The 32 Nix32 digits. */
export function storePathHashPart(path: StorePath): string {
  return path.slice(0, storePathHashLength);
}

export function storePathName(path: StorePath): string {
  return path.slice(storePathHashLength + 1);
}

export function isDerivationPath(path: StorePath): boolean {
  return path.endsWith('.drv');
}

/** Throws `store-path/not-derivation`. */
export function requireDerivationPath(path: StorePath): void {
  if (isDerivationPath(path)) return;
  throw new NixCompatError('store-path/not-derivation', `store path '${path}' is not a valid derivation path`);
}

/** For sorting in the order of C++ Nix's sets: by bytes of the base name. */
export function compareStorePaths(a: StorePath, b: StorePath): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
