import type { Dirent, Stats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { type Reporter, byteStringFromLatin1, errnoOf, messageOf } from '../../../base/index.ts';
import { type FileSystem, type FsPath, displayFsPath, joinFsPath, makeFolder } from '../../../castore/index.ts';

/** Where a collection puts what it is going to remove, below the store directory. No store path has this name. */
export const trashName = '.trash';

/** Entries that are removed between two turns of others on this thread. */
const entriesAtOnce = 128;

/** Well below the 4,096 bytes that a path may have for the system: folders further down are moved up first. */
const longestPath = 3000;

interface OpenFolder {
  readonly path: FsPath;
  left: boolean;
}

/**
 * What was in the store directory and is no more. `take` is quick, so that it can be done while others wait; `empty`
 * removes what it took. Whatever a collection that was interrupted has left is removed by the next one.
 */
export class Trash {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #reporter: Reporter;
  #isMade = false;
  #serial = 0;
  #bytesFreed = 0;

  constructor(fs: FileSystem, storeDirectory: string, reporter: Reporter) {
    this.#fs = fs;
    this.#folder = `${storeDirectory}/${trashName}`;
    this.#reporter = reporter;
  }

  /** By what was removed: the sizes of files that nothing else is linked to. */
  get bytesFreed(): number {
    return this.#bytesFreed;
  }

  /** Removes a file at once, and moves a folder here; false where nothing is at `path`. */
  take(path: string): boolean {
    const stats = this.#fs.lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return false;
    if (!stats.isDirectory()) {
      this.#removeFile(path, stats);
      return true;
    }
    if (!this.#isMade) makeFolder(this.#fs, this.#folder, 0o700);
    this.#isMade = true;
    // Who moves a folder from one into another must be allowed to write to it, unless root.
    if ((stats.mode & 0o700) !== 0o700) this.#fs.chmodSync(path, 0o700);
    this.#moveHere(path);
    return true;
  }

  #moveHere(path: FsPath): string {
    for (;;) {
      const place = `${this.#folder}/${this.#serial++}`;
      try {
        this.#fs.renameSync(path, place);
        return place;
      } catch (error) {
        // What an earlier collection has left.
        if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'ENOTDIR' && errnoOf(error) !== 'EEXIST') throw error;
      }
    }
  }

  /** What cannot be removed is warned of, and left for the next time. */
  async empty(signal?: AbortSignal): Promise<void> {
    if (!this.#isMade) return;
    this.#isMade = false;
    let removed = 0;
    const open: OpenFolder[] = [{ path: this.#folder, left: false }];
    for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
      if (folder.left) {
        open.pop();
        this.#attempt(folder.path, path => this.#fs.rmdirSync(path));
        continue;
      }
      folder.left = true;
      for (const entry of this.#list(folder.path)) {
        const path = joinFsPath(folder.path, byteStringFromLatin1(entry.name));
        if (entry.isDirectory()) open.push({ path: this.#shorten(path), left: false });
        else this.#attempt(path, file => this.#removeFile(file, this.#fs.lstatSync(file)));
        if (++removed % entriesAtOnce !== 0) continue;
        await turn();
        signal?.throwIfAborted();
      }
    }
  }

  /** Empties what earlier collections have left too. */
  async emptyAll(signal?: AbortSignal): Promise<void> {
    this.#isMade = this.#fs.lstatSync(this.#folder, { throwIfNoEntry: false }) !== undefined;
    await this.empty(signal);
  }

  #shorten(path: FsPath): FsPath {
    if (path.length <= longestPath) return path;
    return this.#attempt(path, deep => this.#moveHere(deep)) ?? path;
  }

  #list(folder: FsPath): Dirent[] {
    const entries = this.#attempt(folder, path => {
      this.#fs.chmodSync(path, 0o700);
      return this.#fs.readdirSync(path, { encoding: 'latin1', withFileTypes: true });
    });
    return entries ?? [];
  }

  #removeFile(path: FsPath, stats: Stats): void {
    this.#fs.unlinkSync(path);
    if (stats.nlink === 1) this.#bytesFreed += stats.size;
  }

  #attempt<T>(path: FsPath, action: (path: FsPath) => T): T | undefined {
    try {
      return action(path);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      this.#reporter.warn(`cannot remove '${displayFsPath(path)}': ${messageOf(error)}`);
      return undefined;
    }
  }
}

/**
 * The sizes of the files at and below `path`, in bytes: what its removal frees if it shares none of them. As far as it
 * does, nothing is free before the last that shares them is gone, which no order of deletions can foresee.
 */
export function measureTree(fs: FileSystem, path: string): number {
  const open: FsPath[] = [path];
  let bytes = 0;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const stats = fs.lstatSync(at, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (!stats.isDirectory()) {
      bytes += stats.size;
      continue;
    }
    for (const name of fs.readdirSync(at, 'latin1')) open.push(joinFsPath(at, byteStringFromLatin1(name)));
  }
  return bytes;
}
