import { type Reporter, errnoOf } from '../../../base/index.ts';
import type { FileSystem } from '../../../castore/index.ts';
import type { StorePath } from '../../../nix-compat/index.ts';
import { Trash, measureTree, trashName } from './trash.ts';

/**
 * What became of an entry that was to go: `kept` where what is there is another layer's, and none of ours: a path of that name
 * stays valid.
 */
export type Removal = 'removed' | 'absent' | 'kept';

/** What a collection finds in a store directory, and takes out of it. */
export interface StoreEntries {
  /** By what was removed so far: the sizes of files that nothing else is linked to. */
  readonly bytesFreed: number;
  /** Of all that could be removed, in no order. */
  names(): string[];
  /** Whether a path that is dead would be removed. */
  isRemovable(path: StorePath): boolean;
  /** Bytes that are free once it is removed, if it shares nothing. */
  measure(name: string): number;
  /** Quick, so that it can be done while others wait: `empty` does the rest. Throws the system's errors. */
  remove(name: string): Removal;
  empty(signal?: AbortSignal): Promise<void>;
  /** Empties what earlier collections have left, too. */
  emptyAll(signal?: AbortSignal): Promise<void>;
  /** After the last removal, whatever has ended the collection. */
  finish(): Promise<void>;
}

/** The entries of a store directory that is one folder. */
export class FolderEntries implements StoreEntries {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #trash: Trash;

  constructor(fs: FileSystem, folder: string, reporter: Reporter) {
    this.#fs = fs;
    this.#folder = folder;
    this.#trash = new Trash(fs, `${folder}/${trashName}`, reporter);
  }

  get bytesFreed(): number {
    return this.#trash.bytesFreed;
  }

  names(): string[] {
    return listFolder(this.#fs, this.#folder);
  }

  isRemovable(): boolean {
    return true;
  }

  measure(name: string): number {
    return measureTree(this.#fs, `${this.#folder}/${name}`);
  }

  remove(name: string): Removal {
    return this.#trash.take(`${this.#folder}/${name}`) ? 'removed' : 'absent';
  }

  empty(signal?: AbortSignal): Promise<void> {
    return this.#trash.empty(signal);
  }

  emptyAll(signal?: AbortSignal): Promise<void> {
    return this.#trash.emptyAll(signal);
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }
}

function listFolder(fs: FileSystem, path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
