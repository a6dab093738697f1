import { setImmediate as turn } from 'node:timers/promises';
import { errnoOf } from '../../base/index.ts';
import type { CallOptions } from '../blob-store.ts';
import { type Sha256, sha256FromBytes } from '../digest.ts';
import type { DiskBlobStore } from '../disk/disk-blob-store.ts';
import { lockAgainstCollection } from '../disk/gc-lock.ts';
import type { BlobMarks, LiveRoots } from './blob-marks.ts';
import { DeadDirectoryAliases, deleteDeadRow, findDeadRows } from './dead-rows.ts';
import { shrinkDatabase } from './shrink-database.ts';
import { type OrphanFile, findOrphans, hasRow } from './orphan-files.ts';

export interface SweepProgress {
  /** Of `total`: those that are deleted, or came to life meanwhile. */
  readonly done: number;
  /** Blobs that were found dead; 0 until that is known. */
  readonly total: number;
  readonly deleted: number;
  readonly bytesFreed: number;
}

export interface SweepOptions extends CallOptions {
  /** In bytes; once so many are free the sweep ends. */
  readonly maxFreed?: number;
  /** In milliseconds; no batch begins later. */
  readonly maxTime?: number;
  /**
   * Called before each batch, while nothing can be added: what came to life since the blobs were marked. Whoever adds
   * makes what refers to its blobs known (a registered path, a temporary root) before it lets go of its batch.
   */
  readonly newRoots?: () => LiveRoots | undefined | Promise<LiveRoots | undefined>;
  readonly onProgress?: (progress: SweepProgress) => void;
}

export interface Swept {
  /** Blobs. */
  readonly deleted: number;
  /** A file that is linked elsewhere, as from a checkout, frees nothing. */
  readonly bytesFreed: number;
  /** Whether nothing is left that a budget stood in the way of. */
  readonly complete: boolean;
}

/** In milliseconds: what a batch may take, for which additions wait. */
const batchTime = 150;

/** In milliseconds: how long the first batch deletes rows, before they are synced and their files removed. */
const firstRowTime = 10;

/** How many rows or files between two looks at the clock. */
const rowsBetweenLooks = 64;

/**
 * Deletes every blob that is not marked, in short batches. During each of them nothing is added; between them additions
 * go on. First the rows go, durably, then the files: a crash leaves files without rows, which every sweep removes too,
 * as it does what dead processes left in `tmp/`. At last the database's file shrinks if much of it is unused.
 */
export function sweepBlobs(store: DiskBlobStore, marks: BlobMarks, options: SweepOptions = {}): Promise<Swept> {
  return new Sweep(store, marks, options).run();
}

class Sweep {
  readonly #store: DiskBlobStore;
  readonly #marks: BlobMarks;
  readonly #options: SweepOptions;
  readonly #deadline: number;
  #deleted = 0;
  #bytesFreed = 0;
  #done = 0;
  #total = 0;
  #rowTime = firstRowTime;

  constructor(store: DiskBlobStore, marks: BlobMarks, options: SweepOptions) {
    this.#store = store;
    this.#marks = marks;
    this.#options = options;
    this.#deadline = performance.now() + (options.maxTime ?? Infinity);
  }

  async run(): Promise<Swept> {
    const complete = (await this.#sweepAliases()) && (await this.#sweepRows()) && (await this.#sweepOrphans());
    if (performance.now() < this.#deadline) await this.#atEase(shrinkDatabase(this.#store.folder.database));
    return { deleted: this.#deleted, bytesFreed: this.#bytesFreed, complete };
  }

  #sweepAliases(): Promise<boolean> {
    const { database } = this.#store.folder;
    const aliases = new DeadDirectoryAliases(database, this.#marks);
    return this.#inBatches(() => database.transaction(() => aliases.deletePage()));
  }

  async #sweepRows(): Promise<boolean> {
    const dead = await this.#atEase(findDeadRows(this.#store.folder.database, this.#marks));
    this.#total = dead.length;
    return this.#inBatches(() => this.#deleteRows(dead));
  }

  /** Deletes some of the rows `dead` from where the last batch ended; true when none is left. */
  #deleteRows(dead: Float64Array): boolean {
    const { database } = this.#store.folder;
    const start = performance.now();
    const over = start + this.#rowTime;
    const files: string[] = [];
    let at = this.#done;
    let deleted = 0;
    let freed = 0;
    database.transaction(() => {
      for (; at < dead.length && this.#bytesFreed + freed < this.#maxFreed; at++) {
        if (at % rowsBetweenLooks === 0 && at > this.#done && performance.now() > over) break;
        const row = deleteDeadRow(database, this.#marks, dead[at] ?? 0);
        if (row === undefined) continue;
        deleted++;
        if (row.files === 0) freed += row.size;
        else freed += this.#filesOf(sha256FromBytes(row.hash), files);
      }
    });
    this.#done = at;
    this.#deleted += deleted;
    this.#bytesFreed += freed;
    for (const file of files) this.#remove(file);
    // A busy disk may take a thousand times as long for the files as for the rows.
    const took = performance.now() - start;
    if (took > batchTime * 2) this.#rowTime /= 2;
    else if (took < batchTime) this.#rowTime = Math.min(batchTime, this.#rowTime * 2);
    return at === dead.length;
  }

  /** Adds the files of a blob to `files`; the bytes that their removal frees. */
  #filesOf(hash: Sha256, files: string[]): number {
    let freed = 0;
    // Both, whichever the row knows of: a crash may have left the other.
    for (const executable of [false, true]) {
      const path = this.#store.files.path(hash, executable);
      const bytes = this.#bytesIn(path);
      if (bytes === undefined) continue;
      files.push(path);
      freed += bytes;
    }
    return freed;
  }

  /** What the removal of a file frees; undefined when there is none. */
  #bytesIn(path: string): number | undefined {
    const stats = this.#store.folder.fileSystem.lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    return stats.nlink === 1 ? stats.size : 0;
  }

  #remove(path: string): void {
    const fs = this.#store.folder.fileSystem;
    try {
      // A third of the time that rmSync takes.
      fs.unlinkSync(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      if (errnoOf(error) !== 'EISDIR' && errnoOf(error) !== 'EPERM') throw error;
      fs.rmSync(path, { force: true, recursive: true });
    }
  }

  async #sweepOrphans(): Promise<boolean> {
    const { folder } = this.#store;
    const search = findOrphans(folder);
    // Their folders, oftener than not, have none: the lock is asked for when there is something to remove.
    for (let found = search.next(); found.done !== true; found = search.next()) {
      const orphans = found.value;
      await this.#yield();
      if (orphans.length === 0) continue;
      if (!(await this.#inBatches(() => this.#deleteOrphans(orphans)))) return false;
    }
    if (this.#isSpent()) return false;
    folder.removeStaleTemporaries();
    return true;
  }

  #deleteOrphans(orphans: OrphanFile[]): boolean {
    const { folder } = this.#store;
    const over = performance.now() + batchTime;
    for (let orphan = orphans.pop(); orphan !== undefined; orphan = orphans.pop()) {
      if (hasRow(folder, orphan.hash)) continue;
      this.#bytesFreed += this.#bytesIn(orphan.path) ?? 0;
      this.#remove(orphan.path);
      if (this.#isSpent() || performance.now() > over) break;
    }
    return orphans.length === 0;
  }

  /** Does `work` again and again, each time with the lock, until it says that it has ended; false when the budget has before. */
  async #inBatches(work: () => boolean): Promise<boolean> {
    const { newRoots, onProgress, signal } = this.#options;
    for (;;) {
      if (this.#isSpent()) return false;
      signal?.throwIfAborted();
      let ended: boolean;
      {
        using _lock = await lockAgainstCollection(this.#store.folder, 'exclusive', signal);
        const roots = await newRoots?.();
        if (roots !== undefined) await this.#marks.mark(roots);
        ended = work();
      }
      onProgress?.({ done: this.#done, total: this.#total, deleted: this.#deleted, bytesFreed: this.#bytesFreed });
      if (ended) return true;
      await turn();
    }
  }

  /** Runs a search that blocks the thread for a moment at a time. */
  async #atEase<T>(search: Generator<unknown, T>): Promise<T> {
    for (;;) {
      const step = search.next();
      if (step.done === true) return step.value;
      await this.#yield();
    }
  }

  async #yield(): Promise<void> {
    await turn();
    this.#options.signal?.throwIfAborted();
  }

  get #maxFreed(): number {
    return this.#options.maxFreed ?? Infinity;
  }

  #isSpent(): boolean {
    return this.#bytesFreed >= this.#maxFreed || performance.now() >= this.#deadline;
  }
}
