import { type ByteString, displayBytes } from '../base/index.ts';
import { CastoreError } from './error.ts';

const separatorOrNul = /[/\0]/;

/** Whether `name` can name an entry of a directory: not empty, not `.` or `..`, no slash, no NUL. */
export function isEntryName(name: ByteString): boolean {
  return name !== '' && name !== '.' && name !== '..' && !separatorOrNul.test(name);
}

/** Throws `directory/bad-name`; `offset` is where the name starts, for names that come from a message. */
export function checkEntryName(name: ByteString, offset?: number): void {
  if (isEntryName(name)) return;
  throw new CastoreError('directory/bad-name', `'${displayName(name)}' cannot name a directory entry`, { offset });
}

/** Whether `target` can be a symlink's: not empty, no NUL. */
export function isSymlinkTarget(target: ByteString): boolean {
  return target !== '' && !target.includes('\0');
}

/** Throws `directory/bad-symlink`. */
export function checkSymlinkTarget(target: ByteString, offset?: number): void {
  if (isSymlinkTarget(target)) return;
  const why = target === '' ? 'is empty' : `'${displayName(target)}' has a NUL byte`;
  throw new CastoreError('directory/bad-symlink', `the symlink target ${why}`, { offset });
}

/** A name or target for a message: NUL visible, cut at 200 characters. */
export function displayName(name: ByteString): string {
  return displayBytes(name).slice(0, 200).replaceAll('\0', '\\0');
}
