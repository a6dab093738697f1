import { type Stats, lstatSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { type ByteString, brandAs, byteStringFromLatin1, byteStringFromText, errnoOf } from '../../base/index.ts';
import type { FsPath } from '../../castore/index.ts';
import type { StoreDir } from '../../nix-compat/index.ts';
import { EngineError } from '../error.ts';
import { fsPathOf } from '../evaluation/read-files.ts';

/** Symlinks in a row, as Linux. */
const maxSymlinks = 40;

/** Files by the names that builds have for them: what they find in the store directory may be elsewhere on this machine. */
export class StoreView {
  readonly #storeDir: ByteString;
  readonly #realStoreDir: ByteString;

  constructor(storeDir: StoreDir, realStoreDir: string) {
    this.#storeDir = byteStringFromText(storeDir);
    this.#realStoreDir = byteStringFromText(realStoreDir);
  }

  /** Where `path` is on this machine, its symlinks being what they are. */
  place(path: ByteString): FsPath {
    const isInStore = path === this.#storeDir || path.startsWith(`${this.#storeDir}/`);
    return fsPathOf(
      isInStore ? byteStringFromLatin1(`${this.#realStoreDir}${path.slice(this.#storeDir.length)}`) : path,
    );
  }

  /** Of what `path` leads to; undefined where that is nothing. Throws the system's errors. */
  stat(path: ByteString): Stats | undefined {
    try {
      const target = this.#isHere ? path : this.follow(path);
      return statSync(this.place(target), { throwIfNoEntry: false });
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  /** The names in a folder, in ascending order. Throws the system's errors. */
  names(path: ByteString): ByteString[] {
    const target = this.#isHere ? path : this.follow(path);
    const names = readdirSync(this.place(target), 'latin1');
    return names.toSorted((a, b) => (a < b ? -1 : 1)).map(byteStringFromLatin1);
  }

  /** Throws the system's errors. */
  read(path: ByteString): Uint8Array {
    return readFileSync(this.place(this.#isHere ? path : this.follow(path)));
  }

  /**
   * `path` without symlinks on the way or at its end. Throws the system's errors, where something on the way is not
   * there, and `builtin/symlink-cycle`.
   */
  follow(path: ByteString): ByteString {
    const left = partsOf(path);
    let at = '';
    for (let links = 0, part = left.shift(); part !== undefined; part = left.shift()) {
      if (part === '..') {
        at = at.slice(0, at.lastIndexOf('/'));
        continue;
      }
      const next = brandAs<ByteString>(`${at}/${part}`);
      const place = this.place(next);
      if (!isSymlink(place, next, this.#storeDir)) {
        at = next;
        continue;
      }
      if (++links > maxSymlinks)
        throw new EngineError('builtin/symlink-cycle', `infinite symlink recursion in '${path}'`);
      const target = readlinkSync(place, 'latin1');
      if (target.startsWith('/')) at = '';
      left.unshift(...partsOf(target));
    }
    return brandAs<ByteString>(at === '' ? '/' : at);
  }

  get #isHere(): boolean {
    return this.#storeDir === this.#realStoreDir;
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.');
}

/** The store directory and what leads to it need not be there: names in it are looked up elsewhere. */
function isSymlink(place: FsPath, path: ByteString, storeDir: ByteString): boolean {
  if (`${storeDir}/`.startsWith(`${path}/`)) return false;
  return lstatSync(place).isSymbolicLink();
}

export function isAbsence(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}
