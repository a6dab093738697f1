import { type Brand, brandAs } from '../../base/index.ts';
import { ReapiError } from '../error.ts';

/** A path below the input root: names between single slashes, none of them `.` or `..`; empty for the root itself. */
export type InnerPath = Brand<string, 'InnerPath'>;

/** Characters beyond which the system would refuse it. */
const maxLength = 4095;

/** Throws `action/malformed`, which says `what` it is: absolute paths, and those that lead out of the input root. */
export function innerPath(path: string, what: string): InnerPath {
  return joinInner(brandAs<InnerPath>(''), path, what);
}

/** `path` as seen from `base`. Throws as `innerPath`. */
export function joinInner(base: InnerPath, path: string, what: string): InnerPath {
  if (path.startsWith('/')) throw malformed(path, what, 'is absolute');
  if (path.includes('\0')) throw malformed(path, what, 'has a NUL');
  const names = base === '' ? [] : base.split('/');
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined) throw malformed(path, what, 'leads out of the input root');
  }
  const joined = names.join('/');
  if (Buffer.byteLength(joined) > maxLength) throw malformed(path, what, `is longer than ${maxLength} bytes`);
  return brandAs<InnerPath>(joined);
}

/** What it is in; the root is in itself. */
export function parentOf(path: InnerPath): InnerPath {
  return brandAs<InnerPath>(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
}

function malformed(path: string, what: string, why: string): ReapiError {
  return new ReapiError('action/malformed', `${what}, '${path.slice(0, 300)}', ${why}`);
}
