import { canonicalTime } from '../canonical-time.ts';
import type { FileSystem } from './file-system.ts';

/** A file that does not exist yet. */
export interface FileToMake {
  readonly path: string;
  /** 0o444 or 0o555. */
  readonly mode: number;
  readonly bytes: Uint8Array;
}

/** Makes a file with its canonical metadata. Nothing of it is left when that fails. */
export function makeFile(fs: FileSystem, { path, mode, bytes }: FileToMake): void {
  const fd = fs.openSync(path, 'wx', mode);
  let made = false;
  try {
    for (let at = 0; at < bytes.byteLength;) at += fs.writeSync(fd, bytes, at, bytes.byteLength - at);
    sealFile(fs, fd, mode);
    made = true;
  } finally {
    fs.closeSync(fd);
    if (!made) fs.rmSync(path, { force: true });
  }
}

let restrictiveUmask: boolean | undefined;

/** Read once: a umask that took away reading would make blobs that other users of the store cannot read. */
function hasRestrictiveUmask(): boolean {
  return (restrictiveUmask ??= (process.umask() & 0o555) !== 0);
}

/** Gives an open file that was created with `mode` its canonical metadata. */
export function sealFile(fs: FileSystem, fd: number, mode: number): void {
  if (hasRestrictiveUmask()) fs.fchmodSync(fd, mode);
  fs.futimesSync(fd, canonicalTime, canonicalTime);
}
