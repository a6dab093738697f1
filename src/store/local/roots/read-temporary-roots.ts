import { join } from 'node:path';
import { errnoOf, tryLockFile } from '../../../base/index.ts';
import type { FileSystem } from '../../../castore/index.ts';
import { NixCompatError, type StoreDir, type StorePath, parseStorePathIn } from '../../../nix-compat/index.ts';
import type { StoreRoot } from '../../store.ts';

export interface TemporaryRootsPlace {
  readonly folder: string;
  readonly storeDir: StoreDir;
  readonly fileSystem: FileSystem;
}

/** What living processes use. Invalid paths too: they may be on their way in. */
export function readTemporaryRoots(place: TemporaryRootsPlace): StoreRoot[] {
  return [...new TemporaryRootsReader(place).read({ livingOnly: true })];
}

/** Removes the files of dead processes. Only for the one who collects, before it looks at any root. */
export function removeStaleTemporaryRoots(place: TemporaryRootsPlace, removed: (file: string) => void): void {
  for (const file of listFiles(place)) {
    using open = openFile(place.fileSystem, file.path);
    if (open === undefined || !tryLockFile(open.fd, 'exclusive')) continue;
    removed(file.path);
    place.fileSystem.rmSync(file.path, { force: true });
  }
}

interface Progress {
  readonly inode: number;
  readonly offset: number;
}

/** Reads temporary roots again and again during a collection, each time what has come since. */
export class TemporaryRootsReader {
  readonly #place: TemporaryRootsPlace;
  readonly #progress = new Map<string, Progress>();

  constructor(place: TemporaryRootsPlace) {
    this.#place = place;
  }

  /** Those of dead processes too unless `livingOnly`: their last roots may be what keeps paths that links were made to. */
  *read(options: { readonly livingOnly?: boolean } = {}): Generator<StoreRoot, void> {
    for (const { name, path } of listFiles(this.#place)) {
      using open = openFile(this.#place.fileSystem, path);
      if (open === undefined || (options.livingOnly === true && tryLockFile(open.fd, 'exclusive'))) continue;
      const holder = `{temp:${name.replace(/-.*/, '')}}`;
      for (const text of this.#readOn(name, open.fd)) {
        const storePath = parse(this.#place.storeDir, text);
        if (storePath !== undefined) yield { path: storePath, holder };
      }
    }
  }

  #readOn(name: string, fd: number): string[] {
    const fs = this.#place.fileSystem;
    const { ino: inode, size } = fs.fstatSync(fd);
    const known = this.#progress.get(name);
    const start = known?.inode === inode && known.offset <= size ? known.offset : 0;
    if (start === size) return [];
    const bytes = Buffer.allocUnsafe(size - start);
    let length = 0;
    while (length < bytes.byteLength) {
      const count = fs.readSync(fd, bytes, length, bytes.byteLength - length, start + length);
      if (count === 0) break;
      length += count;
    }
    // The last path may not be written to its end yet.
    const end = bytes.subarray(0, length).lastIndexOf(0) + 1;
    this.#progress.set(name, { inode, offset: start + end });
    return bytes
      .toString('latin1', 0, end)
      .split('\0')
      .filter(text => text !== '');
  }
}

/** Names that begin with a dot are locks, or what some package managers leave lest a folder be empty. */
function listFiles({ folder, fileSystem }: TemporaryRootsPlace): { readonly name: string; readonly path: string }[] {
  try {
    const names = fileSystem.readdirSync(folder).filter(name => /^[0-9]/.test(name));
    return names.map(name => ({ name, path: join(folder, name) }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function openFile(fs: FileSystem, path: string): (Disposable & { readonly fd: number }) | undefined {
  try {
    const fd = fs.openSync(path, 'r');
    return { fd, [Symbol.dispose]: () => fs.closeSync(fd) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(storeDir: StoreDir, text: string): StorePath | undefined {
  try {
    return parseStorePathIn(storeDir, text);
  } catch (error) {
    if (error instanceof NixCompatError) return undefined;
    throw error;
  }
}
