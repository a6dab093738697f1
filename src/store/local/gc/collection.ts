import type { Reporter } from '../../../base/index.ts';
import type { Database, FileSystem } from '../../../castore/index.ts';
import { type StoreDir, type StorePath, storePathHashPart } from '../../../nix-compat/index.ts';
import type { TemporaryRootsReader } from '../roots/read-temporary-roots.ts';
import type { RootsLock } from '../roots/roots-lock.ts';
import { BatchPace } from './batch-pace.ts';
import type { StoreEntries } from './store-entries.ts';

/** What the parts of one collection share. */
export interface Collection {
  readonly database: Database;
  readonly fileSystem: FileSystem;
  readonly storeDir: StoreDir;
  readonly realStoreDir: string;
  readonly lock: RootsLock;
  readonly temporary: HeldPaths;
  readonly entries: StoreEntries;
  readonly reporter: Reporter;
  /** No more is deleted once more bytes than this are free, if what is deleted shares nothing. */
  readonly maxFreed: number;
  readonly signal: AbortSignal | undefined;
  /** So far. */
  readonly deleted: StorePath[];
}

/** What processes hold by temporary roots. */
export class HeldPaths {
  readonly #reader: TemporaryRootsReader;
  readonly #options: { readonly livingOnly?: boolean };
  readonly #hashParts = new Set<string>();

  constructor(reader: TemporaryRootsReader, options: { readonly livingOnly?: boolean } = {}) {
    this.#reader = reader;
    this.#options = options;
  }

  /** The roots that came since the last call. */
  update(): StorePath[] {
    const fresh = Array.from(this.#reader.read(this.#options), root => root.path);
    for (const path of fresh) this.#hashParts.add(storePathHashPart(path));
    return fresh;
  }

  /** Whether `path`, or what it is a lock or draft of, is held. */
  has(path: StorePath): boolean {
    return this.#hashParts.has(storePathHashPart(path));
  }
}

/**
 * Works through `items` in short batches. Each has the roots locked; what it took out of the store directory is gone before the
 * next. `select` says how many of the items that begin at an index, `size` unless it matters, make the next batch.
 */
export async function inBatches<T>(
  collection: Collection,
  items: readonly T[],
  steps: {
    readonly select?: (start: number, size: number) => number;
    readonly work: (batch: readonly T[]) => void;
    /** Whether there is to be another batch. */
    readonly goOn?: () => boolean;
  },
): Promise<void> {
  const { lock, entries, signal } = collection;
  const pace = new BatchPace();
  for (let at = 0; at < items.length;) {
    signal?.throwIfAborted();
    const end = at + Math.max(1, steps.select?.(at, pace.size) ?? pace.size);
    const batch = items.slice(at, end);
    const milliseconds = await lock.exclusive(() => {
      const start = performance.now();
      steps.work(batch);
      return performance.now() - start;
    }, signal);
    pace.took(milliseconds);
    at = end;
    await entries.empty(signal);
    if (steps.goOn?.() === false) return;
  }
}
