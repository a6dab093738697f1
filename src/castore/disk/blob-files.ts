import { join } from 'node:path';
import type { Sha256 } from '../digest.ts';
import { blobFileMode, blobPath } from './blob-file.ts';
import type { DataFolder } from './data-folder.ts';
import type { DraftTree } from './draft-writer.ts';
import { Drafts, type TreeDraft } from './drafts.ts';
import { realFileSystem } from './file-system.ts';
import { FileThread } from './file-thread.ts';
import type { CollectionLock } from './gc-lock.ts';
import { sealFile } from './make-file.ts';
import { makeFolder } from './make-folder.ts';
import { type Placing, settleDraft } from './place-draft.ts';

/** Beyond this many new files one syncfs is cheaper than a sync of each; below it, syncfs may wait for strangers' writes. */
const syncEachLimit = 8;

/**
 * Files are created in this many folders in turn: a folder takes one new name at a time, so that four threads creating
 * files in one of them are as slow as one thread (10,000 files: 2.2 s; in 16 folders 1.1 s).
 */
const drawerCount = 16;

/** So many files are made before a thread is started for it, which takes 15 ms. */
const fewFiles = 64;

/** A finished file in the temporary folder. */
export interface NewFile {
  readonly hash: Sha256;
  readonly executable: boolean;
  readonly temporary: string;
}

/** A complete draft, and where it belongs. */
export interface DraftToPlace extends Omit<Placing, 'durably'> {
  readonly draft: TreeDraft;
}

/** The files below `blobs/`: mode 0444 or 0555, mtime 1, never written again once they have their name. */
export class BlobFiles implements AsyncDisposable {
  readonly #folder: DataFolder;
  readonly #root: string;
  readonly #thread = new FileThread();
  #written = 0;
  #serial = 0;
  readonly #drawers = new Set<string>();
  readonly drafts: Drafts;

  /** Files of more bytes than `smallFile` says when a draft begins are shared by checkouts where they can be. */
  constructor(folder: DataFolder, smallFile: () => number) {
    this.#folder = folder;
    this.#root = join(folder.path, 'blobs');
    this.drafts = new Drafts({
      fileSystem: folder.fileSystem,
      thread: this.#thread,
      blobs: () => ({ root: this.#root, smallFile: smallFile() }),
      newPath: () => this.#newPath(),
    });
  }

  path(hash: Sha256, executable: boolean): string {
    return blobPath(this.#root, hash, executable);
  }

  /**
   * Makes a whole file in the temporary folder, and returns its path. The bytes are lent until the promise has settled.
   * Shared memory spares a copy.
   */
  async write(bytes: Uint8Array, executable: boolean): Promise<string> {
    if (this.#folder.fileSystem === realFileSystem && this.#written++ >= fewFiles) {
      const path = this.#newPath();
      await this.#thread.make({ path, mode: blobFileMode({ executable }), bytes });
      return path;
    }
    using file = await this.create(executable);
    await file.append(bytes);
    file.finish();
    return file.path;
  }

  /** Starts a file in the temporary folder. */
  create(executable: boolean): Promise<TemporaryFile> {
    const fs = this.#folder.fileSystem;
    const path = this.#newPath();
    const mode = blobFileMode({ executable });
    return new Promise((resolve, reject) => {
      fs.open(path, 'wx', mode, (error, fd) => {
        if (error === null) resolve(new TemporaryFile(this.#folder, { path, fd, mode }));
        else reject(error);
      });
    });
  }

  #newPath(): string {
    const serial = this.#serial++;
    const drawer = join(this.#folder.temporaryFolder(), String(serial % drawerCount));
    if (!this.#drawers.has(drawer)) {
      makeFolder(this.#folder.fileSystem, drawer);
      this.#drawers.add(drawer);
    }
    return join(drawer, String(serial));
  }

  remove(temporary: string): void {
    this.#folder.fileSystem.rmSync(temporary, { force: true });
  }

  /**
   * Makes `files` durable under their names. First their contents are synced, then they are renamed, then the folders
   * are synced: a name that survives a crash stands for whole contents. Many are synced by another thread.
   *
   * `lock` was taken before the first of the files was made: syncfs(2) reports a failed write once to each descriptor
   * that was open at that time, and to one that was opened since only if nobody else has heard of it.
   */
  async publish(files: readonly NewFile[], lock: CollectionLock): Promise<void> {
    if (files.length === 0) return;
    const fs = this.#folder.fileSystem;
    const together = files.length > syncEachLimit;
    if (!(together && (await this.#syncAll(lock))))
      for (const { temporary } of files) this.#sync(temporary, 'fdatasyncSync');
    const shards = new Set<string>();
    for (const { hash, executable, temporary } of files) {
      const shard = `${this.#root}/${hash.slice(0, 2)}`;
      if (!shards.has(shard)) {
        // A new folder's own entry in `blobs/` is made durable with it, below.
        if (makeFolder(fs, shard)) shards.add(this.#root);
        shards.add(shard);
      }
      fs.renameSync(temporary, this.path(hash, executable));
    }
    if (!(together && (await this.#syncAll(lock)))) for (const shard of shards) this.#sync(shard, 'fsyncSync');
  }

  /**
   * Makes drafts durable at their places, and their files under the names of their blobs; what has gone wrong with each.
   * First contents are synced, then the names; few files and folders one by one. `lock` as for `publish`.
   */
  async publishDrafts(parts: readonly DraftToPlace[], lock: CollectionLock): Promise<(Error | undefined)[]> {
    if (parts.length === 0) return [];
    const durably = this.areFew(parts.map(({ draft }) => draft)) || !(await this.#syncAll(lock));
    const failures = await this.drafts.place(
      parts.map(({ draft, target, old }) => ({ draft, placing: { target, old, durably } })),
    );
    if (!durably) await this.#syncAll(lock);
    return failures;
  }

  /** Makes drafts durable that were moved: `settleDraft`. */
  async settleDrafts(trees: readonly DraftTree[]): Promise<void> {
    const { blobs } = this.drafts;
    const settle = (tree: DraftTree) =>
      settleDraft(this.#folder.fileSystem, tree, { blobs, beside: `${this.#newPath()}.link` });
    await Promise.all(trees.map(settle));
  }

  /** Whether complete drafts are of so few files and folders, all written on this thread, that each is synced by itself. */
  areFew(drafts: readonly TreeDraft[]): boolean {
    let count = 0;
    for (const draft of drafts) {
      const tree = this.drafts.treeOf(draft);
      if (tree === undefined) return false;
      count += tree.files.length + tree.folders.length;
      if (count > syncEachLimit) return false;
    }
    return true;
  }

  /** False where the system has no call for it. */
  #syncAll({ fd }: CollectionLock): boolean | Promise<boolean> {
    const fs = this.#folder.fileSystem;
    return fs === realFileSystem ? this.#thread.sync(fd) : fs.syncFileSystem(fd);
  }

  #sync(path: string, call: 'fsyncSync' | 'fdatasyncSync'): void {
    const fs = this.#folder.fileSystem;
    const fd = fs.openSync(path, 'r');
    try {
      fs[call](fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }
}

/** A file being written. Dispose of it if it is not finished. */
export class TemporaryFile implements Disposable {
  readonly path: string;
  readonly #folder: DataFolder;
  readonly #mode: number;
  #fd: number | undefined;

  constructor(folder: DataFolder, file: { readonly path: string; readonly fd: number; readonly mode: number }) {
    this.#folder = folder;
    this.path = file.path;
    this.#fd = file.fd;
    this.#mode = file.mode;
  }

  /** Appends `bytes`, which are lent until the promise has settled. One call at a time. */
  append(bytes: Uint8Array): Promise<void> {
    const fs = this.#folder.fileSystem;
    const fd = this.#open();
    return new Promise((resolve, reject) => {
      const write = (from: number) => {
        if (from === bytes.byteLength) return resolve();
        fs.write(fd, bytes, from, bytes.byteLength - from, null, (error, count) => {
          if (error === null) write(from + count);
          else reject(error);
        });
      };
      write(0);
    });
  }

  /** Gives the file its canonical metadata and closes it; it stays at `path`. */
  finish(): void {
    const fs = this.#folder.fileSystem;
    const fd = this.#open();
    sealFile(fs, fd, this.#mode);
    this.#fd = undefined;
    fs.closeSync(fd);
  }

  #open(): number {
    if (this.#fd === undefined) throw new TypeError('the temporary file is closed');
    return this.#fd;
  }

  /** Removes the file unless it was finished. */
  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    this.#folder.fileSystem.closeSync(this.#fd);
    this.#fd = undefined;
    this.#folder.fileSystem.rmSync(this.path, { force: true });
  }
}
