import { constants, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { byteStringFromLatin1, errnoOf } from '../../base/index.ts';
import { type CallOptions, type FsPath, displayFsPath, joinFsPath } from '../../castore/index.ts';
import { StoreError } from '../error.ts';
import { fileChunks } from '../file-chunks.ts';
import type { TreeAccess, TreeEntry, TreePath } from '../store.ts';

/** Owners' permission to execute: what makes a file executable. */
const ownerExecutes = 0o100;

/** What the system takes for other places than entries. */
const noNames: ReadonlySet<string> = new Set(['', '.', '..']);

/** A tree on disk to look around in: nobody changes it meanwhile, as of those below a store directory. */
export class DiskTree implements TreeAccess {
  readonly #root: FsPath;

  constructor(root: FsPath) {
    this.#root = root;
  }

  lookup(path: TreePath): Promise<TreeEntry | undefined> {
    const place = this.#find(path);
    if (place === undefined) return Promise.resolve(undefined);
    const stats = lstatSync(place);
    if (stats.isFile()) {
      const executable = (stats.mode & ownerExecutes) !== 0;
      return Promise.resolve({ type: 'regular', size: stats.size, executable });
    }
    if (stats.isSymbolicLink()) {
      return Promise.resolve({ type: 'symlink', target: byteStringFromLatin1(readlinkSync(place, 'latin1')) });
    }
    if (!stats.isDirectory()) {
      throw new StoreError('tree/not-a-file', `file '${displayFsPath(place)}' has an unsupported type`);
    }
    const names = readdirSync(place, 'latin1').map(byteStringFromLatin1);
    return Promise.resolve({ type: 'directory', names: names.toSorted() });
  }

  async *read(path: TreePath, { signal }: CallOptions = {}): AsyncIterable<Uint8Array> {
    const place = this.#find(path);
    if (place === undefined || !lstatSync(place).isFile()) {
      const name = displayFsPath(path.reduce(joinFsPath, this.#root));
      throw new StoreError('tree/not-a-file', `'${name}' is not a regular file`);
    }
    await using file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW);
    yield* fileChunks(file, undefined, signal);
  }

  /** Undefined where nothing is. Symlinks on the way are not followed: nothing is below them. */
  #find(path: TreePath): FsPath | undefined {
    try {
      let place = this.#root;
      for (const name of path) {
        if (noNames.has(name) || name.includes('/') || !lstatSync(place).isDirectory()) return undefined;
        place = joinFsPath(place, name);
      }
      lstatSync(place);
      return place;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}
