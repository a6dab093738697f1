import { setImmediate as turn } from 'node:timers/promises';
import { type ByteString, byteStringFromLatin1, byteStringFromText, errnoOf } from '../../base/index.ts';
import type { CallOptions } from '../blob-store.ts';
import { type FileSystem, realFileSystem } from '../disk/file-system.ts';
import type { FsPath } from './fs-path.ts';
import { HeldFolder } from './held-folder.ts';

/**
 * Folders that are held open, one in the other. One that is deeper is moved up first: who made the tree may have made it
 * deeper than there are descriptors, or than a path can be long.
 */
const maxHeld = 64;

/** In milliseconds, before the thread is given to others. */
const turnTime = 20;

/**
 * Removes the tree at `path`, whose directories may be read-only; nothing if there is none. Follows no symlink, nor what
 * somebody puts in place of a folder meanwhile.
 */
export function removeTree(path: FsPath, options: Pick<RemoveOptions, 'fileSystem'> = {}): void {
  for (const _ of new Removal(options).run(path));
}

export interface RemoveOptions extends CallOptions {
  /** Hears, of every entry that is gone, the bytes of its contents; 0 when they are linked elsewhere. */
  readonly onRemoved?: (bytes: number) => void;
  /**
   * Told of what the system does not remove, which is left with the folders that it is in; the others are still removed.
   * Unless given, the first such error is thrown.
   */
  readonly onFailed?: (error: Error) => void;
  /** For tests that make calls fail. */
  readonly fileSystem?: FileSystem;
}

/** As `removeTree`, giving the thread to others now and then. What is left when it is aborted can be removed later. */
export async function removeTreeAtEase(path: FsPath, options: RemoveOptions = {}): Promise<void> {
  const { onRemoved, signal } = options;
  let since = performance.now();
  for (const bytes of new Removal(options).run(path)) {
    onRemoved?.(bytes);
    if (performance.now() - since < turnTime) continue;
    await turn();
    signal?.throwIfAborted();
    since = performance.now();
  }
}

interface Frame {
  readonly folder: HeldFolder;
  /** In the folder before it. */
  readonly name: ByteString;
  /** Entries that are there still. */
  readonly left: { readonly name: ByteString; readonly isFolder: boolean }[];
  /** Whether something in it could not be removed. */
  isStuck: boolean;
}

class Removal {
  readonly #fs: FileSystem;
  readonly #countsBytes: boolean;
  readonly #onFailed: RemoveOptions['onFailed'];
  /** From the outermost folder to the innermost. */
  readonly #frames: Frame[] = [];

  constructor({ onRemoved, onFailed, fileSystem = realFileSystem }: RemoveOptions = {}) {
    this.#fs = fileSystem;
    this.#countsBytes = onRemoved !== undefined;
    this.#onFailed = onFailed;
  }

  /** Yields after every entry: how many bytes it freed. */
  *run(path: FsPath): Generator<number, void> {
    const root = this.#attempt(() => openIfFolder(() => HeldFolder.open(path)), undefined);
    if (root === undefined) {
      yield this.#attempt(() => this.#unlink(path), 0);
      return;
    }
    try {
      this.#attempt(() => this.#enter(root, byteStringFromText('')), undefined);
      for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
        const entry = frame.left.pop();
        if (entry === undefined) yield this.#attempt(() => this.#leave(frame, path), 0);
        else yield this.#attempt(() => frame.folder.named(() => this.#remove(frame.folder, entry)), 0);
      }
    } finally {
      for (const { folder } of this.#frames) folder[Symbol.dispose]();
    }
  }

  /** What is in a folder that stays, stays with the folders above it. */
  #attempt<T>(action: () => T, otherwise: T): T {
    try {
      return action();
    } catch (error) {
      if (this.#onFailed === undefined || !(error instanceof Error) || errnoOf(error) === undefined) throw error;
      for (const frame of this.#frames) frame.isStuck = true;
      this.#onFailed(error);
      return otherwise;
    }
  }

  #remove(folder: HeldFolder, { name, isFolder }: Frame['left'][number]): number {
    const path = folder.at(name);
    const below = isFolder ? openIfFolder(() => HeldFolder.open(path, folder.show(name))) : undefined;
    if (below === undefined) return this.#unlink(path);
    if (this.#frames.length < maxHeld) this.#enter(below, name);
    else this.#moveUp(below, path);
    return 0;
  }

  #enter(folder: HeldFolder, name: ByteString): void {
    const frame: Frame = { folder, name, left: [], isStuck: false };
    this.#frames.push(frame);
    folder.named(() => {
      this.#fs.chmodSync(folder.path, 0o755);
      for (const entry of this.#fs.readdirSync(folder.path, { encoding: 'latin1', withFileTypes: true }))
        frame.left.push({ name: byteStringFromLatin1(entry.name), isFolder: entry.isDirectory() });
    });
  }

  #moveUp(folder: HeldFolder, path: FsPath): void {
    using owned = folder;
    const [root] = this.#frames;
    if (root === undefined) return;
    // A folder that moves gets another parent, for which it must be writable.
    this.#fs.chmodSync(owned.path, 0o755);
    const name = byteStringFromText(crypto.randomUUID());
    this.#fs.renameSync(path, root.folder.at(name));
    root.left.push({ name, isFolder: true });
  }

  /** The innermost folder is empty, but for what could not be removed. */
  #leave({ folder, name, isStuck }: Frame, rootPath: FsPath): number {
    this.#frames.pop();
    folder[Symbol.dispose]();
    if (isStuck) return 0;
    const parent = this.#frames.at(-1)?.folder;
    ifThere(() =>
      parent === undefined ? this.#fs.rmdirSync(rootPath) : parent.named(() => this.#fs.rmdirSync(parent.at(name))),
    );
    return 0;
  }

  #unlink(path: FsPath): number {
    const stats = this.#countsBytes ? this.#fs.lstatSync(path, { throwIfNoEntry: false }) : undefined;
    ifThere(() => this.#fs.unlinkSync(path));
    return stats?.isFile() === true && stats.nlink === 1 ? stats.size : 0;
  }
}

function openIfFolder(open: () => HeldFolder): HeldFolder | undefined {
  try {
    return open();
  } catch (error) {
    // Something else, which is for unlink, or nothing.
    if (['ENOTDIR', 'ELOOP', 'ENOENT'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

function ifThere(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
