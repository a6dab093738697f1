import type { Stats } from 'node:fs';
import { type Reporter, byteStringFromLatin1, errnoOf, messageOf } from '../../../base/index.ts';
import { type FileSystem, type FsPath, joinFsPath, makeFolder, removeTreeAtEase } from '../../../castore/index.ts';

/** Where a collection puts what it is going to remove, below the store directory. No store path has this name. */
export const trashName = '.trash';

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

  /** Of what is on the file system of `folder`, which is its own. */
  constructor(fs: FileSystem, folder: string, reporter: Reporter) {
    this.#fs = fs;
    this.#folder = folder;
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

  #moveHere(path: FsPath): void {
    for (;;) {
      const place = `${this.#folder}/${this.#serial++}`;
      try {
        this.#fs.renameSync(path, place);
        return;
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
    await removeTreeAtEase(this.#folder, {
      signal,
      fileSystem: this.#fs,
      onRemoved: bytes => (this.#bytesFreed += bytes),
      onFailed: error => this.#reporter.warn(`cannot remove what was deleted: ${messageOf(error)}`),
    });
  }

  /** Empties what earlier collections have left too. */
  async emptyAll(signal?: AbortSignal): Promise<void> {
    this.#isMade = this.#fs.lstatSync(this.#folder, { throwIfNoEntry: false }) !== undefined;
    await this.empty(signal);
  }

  #removeFile(path: FsPath, stats: Stats): void {
    this.#fs.unlinkSync(path);
    if (stats.nlink === 1) this.#bytesFreed += stats.size;
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
