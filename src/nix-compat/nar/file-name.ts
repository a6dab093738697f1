import { type ByteString, displayBytes } from '../../base/index.ts';
import { NixCompatError, type NixCompatErrorCode } from '../error.ts';
import { excerpt } from '../excerpt.ts';

/** Whether `name` can name a directory entry: not empty, `.` or `..`, without `/` and NUL. */
export function isFileName(name: ByteString): boolean {
  const length = name.length;
  if (length <= 2 && (length === 0 || name === '.' || name === '..')) return false;
  for (let at = 0; at < length; at++) {
    const byte = name.charCodeAt(at);
    if (byte === 0x2f || byte === 0) return false;
  }
  return true;
}

/** Whether `target` can be the target of a symlink: not empty, without NUL. */
export function isSymlinkTarget(target: ByteString): boolean {
  return target.length > 0 && !target.includes('\0');
}

/** Why a directory may not list `name` right after `previous` (undefined for the first), in C++ Nix's words. */
export function refuseName(name: ByteString, previous: ByteString | undefined, offset?: number): NixCompatError {
  const refuse = (code: NixCompatErrorCode, message: string) =>
    new NixCompatError(code, `bad archive: ${message}`, offset === undefined ? {} : { offset });
  const shown = excerpt(displayBytes(name));
  if (!isFileName(name)) return refuse('nar/bad-name', `NAR contains invalid file name '${shown}'`);
  return name === previous
    ? refuse('nar/duplicate-name', `NAR directory is not sorted ('${shown}' is listed twice)`)
    : refuse(
        'nar/unsorted',
        `NAR directory is not sorted ('${shown}' follows '${excerpt(displayBytes(previous ?? name))}')`,
      );
}
