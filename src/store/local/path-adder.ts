import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { topologicalOrder } from '../closure/topological-order.ts';
import { StoreError } from '../error.ts';
import type { AddPathsOptions, AdditionFailure } from '../store.ts';
import { commitGroup } from './commit-group.ts';
import type { LocalStore } from './local-store.ts';
import type { StagedPath } from './staged-path.ts';

/** Additions that are staged at a time: enough to keep the connections of a binary cache busy, or one to a daemon far away. */
const defaultConcurrency = 64;

/** What may be staged without being committed; each has a descriptor open, and up to 8 MiB in memory. */
const stagedLimit = { paths: 256, bytes: 256 * 1024 * 1024 };

/** One way to get a path. */
export interface Stageable {
  /** What it is to refer to, as far as is known. */
  readonly references: readonly StorePath[];
  stage(signal: AbortSignal): Promise<StagedPath>;
}

/** By path: what is tried, in this order, until something is good. */
export type Stageables = ReadonlyMap<StorePath, readonly Stageable[]>;

export interface PathAdderOptions extends AddPathsOptions {
  /** Those of the references that are valid; temporary roots keep them. */
  readonly valid: Iterable<StorePath>;
  /** Whether what lies in the store directory already is replaced only when the new checkouts are complete. */
  readonly replace: boolean;
}

/**
 * While more is being staged, no commit begins sooner after the last than so many times as long as that took: a commit
 * has some syncs and transactions, whatever is in it. 1,000 paths in 150 groups waited for 460 syncs.
 */
const pause = 3;

/** Milliseconds that the first commit is taken to take. */
const firstCommit = 100;

/**
 * One call of `PathWriter.add`. Additions are staged in topological order, several at a time; while a group is being
 * committed the next gathers, so that groups are the larger the slower the disk is.
 *
 * It cannot come to a standstill: what is staged waits only for what comes before it in that order, and staging goes on
 * unless something that is staged can be committed.
 */
export class PathAdder {
  readonly #store: LocalStore;
  readonly #options: PathAdderOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  /** Not begun yet, in topological order. */
  readonly #waiting: Map<StorePath, readonly Stageable[]>;
  readonly #staging = new Map<StorePath, Promise<void>>();
  readonly #staged = new Map<StorePath, StagedPath>();
  #stagedBytes = 0;
  #committing: { readonly paths: ReadonlySet<StorePath>; readonly done: Promise<void> } | undefined;
  /** By the clock of `performance`, in milliseconds. */
  #nextCommit = performance.now() + pause * firstCommit;
  readonly #failed = new Map<StorePath, Error>();
  /** Known to be valid, and kept by temporary roots. */
  readonly #valid: Set<StorePath>;

  /** Throws `path/cycle`. */
  constructor(store: LocalStore, additions: Stageables, options: PathAdderOptions) {
    this.#store = store;
    this.#options = options;
    this.#valid = new Set(options.valid);
    const { signal } = options;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
    const order = topologicalOrder(store.storeDir, additions.keys(), path => {
      return additions.get(path)?.[0]?.references ?? [];
    });
    this.#waiting = new Map(order.map(path => [path, additions.get(path) ?? []]));
  }

  async run(): Promise<AdditionFailure[]> {
    try {
      for (;;) {
        this.#signal.throwIfAborted();
        this.#startCommit();
        this.#startStaging();
        const underWay = [...this.#staging.values()];
        if (this.#committing !== undefined) underWay.push(this.#committing.done);
        if (underWay.length > 0) await Promise.race(underWay);
        else if (!this.#signal.aborted) break;
      }
    } finally {
      this.#stop.abort();
      await Promise.all([...this.#staging.values(), this.#committing?.done]);
      // What is complete stays, whatever has ended the rest: it may have been hours on the way.
      const rest = this.#takeGroup();
      if (rest.size > 0) await this.#commit(rest, new AbortController().signal);
      await Promise.all(Array.from(this.#staged.values(), ({ batch }) => batch[Symbol.asyncDispose]()));
    }
    return Array.from(this.#failed, ([path, error]) => ({ path, error }));
  }

  #startStaging(): void {
    const limit = this.#options.concurrency ?? defaultConcurrency;
    for (const [path, ways] of this.#waiting) {
      if (this.#signal.aborted || this.#staging.size >= limit) return;
      const isFull = this.#staged.size >= stagedLimit.paths || this.#stagedBytes >= stagedLimit.bytes;
      if (isFull && (this.#staging.size > 0 || this.#committing !== undefined)) return;
      this.#waiting.delete(path);
      const done = this.#stage(path, ways).finally(() => this.#staging.delete(path));
      this.#staging.set(path, done);
    }
  }

  async #stage(path: StorePath, ways: readonly Stageable[]): Promise<void> {
    for (const [at, way] of ways.entries()) {
      try {
        this.#requireReferences(path, way.references);
        const staged = await way.stage(this.#signal);
        this.#staged.set(path, staged);
        this.#stagedBytes += staged.info.narSize;
        return;
      } catch (error) {
        const isLast = at === ways.length - 1;
        if (isLast || this.#signal.aborted) return this.#fail(path, error);
        this.#store.reporter.logError(error);
      }
    }
  }

  /** Throws `path/missing-reference` if one of `references` neither is valid nor can become so. */
  #requireReferences(path: StorePath, references: readonly StorePath[]): void {
    for (const reference of references) {
      if (reference === path || this.#isToCome(reference) || this.#isValid(reference)) continue;
      const [printed, missing] = [path, reference].map(each => printStorePath(this.#store.storeDir, each));
      const why = this.#failed.has(reference) ? 'could not be added' : 'is not valid';
      const message = `cannot add path '${printed}' because its reference, path '${missing}' ${why}`;
      throw new StoreError('path/missing-reference', message, { cause: this.#failed.get(reference) });
    }
  }

  #isToCome(path: StorePath): boolean {
    return (
      this.#waiting.has(path) ||
      this.#staging.has(path) ||
      this.#staged.has(path) ||
      this.#committing?.paths.has(path) === true
    );
  }

  #isValid(path: StorePath): boolean {
    if (this.#valid.has(path)) return true;
    // Somebody else may have added it meanwhile; one that was to be added here may not, unless it was valid before.
    if (this.#failed.has(path) || !this.#store.paths.isValid(path)) return false;
    this.#valid.add(path);
    return true;
  }

  /** Commits the largest set of what is staged that is closed under references, together with what is valid. */
  #startCommit(): void {
    if (this.#committing !== undefined || !this.#isCommitDue()) return;
    const group = this.#takeGroup();
    if (group.size === 0) return;
    const begun = performance.now();
    const done = this.#commit(group, this.#signal).finally(() => {
      this.#committing = undefined;
      const ended = performance.now();
      this.#nextCommit = ended + pause * (ended - begun);
    });
    this.#committing = { paths: new Set(group.keys()), done };
  }

  #isCommitDue(): boolean {
    const isLast = this.#waiting.size === 0 && this.#staging.size === 0;
    const isHalfFull = 2 * this.#staged.size >= stagedLimit.paths || 2 * this.#stagedBytes >= stagedLimit.bytes;
    return isLast || isHalfFull || performance.now() >= this.#nextCommit;
  }

  #takeGroup(): Map<StorePath, StagedPath> {
    const group = new Map(this.#staged);
    for (let size = -1; size !== group.size;) {
      size = group.size;
      for (const [path, { info }] of group) {
        try {
          this.#requireReferences(path, info.references);
        } catch (error) {
          this.#dropStaged(path);
          this.#fail(path, error);
        }
        const isClosed = info.references.every(reference => {
          return group.has(reference) || (!this.#isToCome(reference) && this.#isValid(reference));
        });
        if (!isClosed || !this.#staged.has(path)) group.delete(path);
      }
    }
    for (const path of group.keys()) this.#takeStaged(path);
    return group;
  }

  #takeStaged(path: StorePath): StagedPath | undefined {
    const staged = this.#staged.get(path);
    this.#staged.delete(path);
    this.#stagedBytes -= staged?.info.narSize ?? 0;
    return staged;
  }

  #dropStaged(path: StorePath): void {
    void this.#takeStaged(path)?.batch[Symbol.asyncDispose]();
  }

  async #commit(group: ReadonlyMap<StorePath, StagedPath>, signal: AbortSignal): Promise<void> {
    // Those that are repaired have been valid before.
    const committed = new Set<StorePath>();
    try {
      const { repair = false, replace, held } = this.#options;
      const left = await commitGroup(this.#store, group, {
        repair,
        replace,
        held,
        signal,
        fail: (path, error) => this.#fail(path, error),
        valid: path => {
          committed.add(path);
          this.#valid.add(path);
          this.#options.added?.(path);
        },
      });
      for (const [path, staged] of left) {
        this.#staged.set(path, staged);
        this.#stagedBytes += staged.info.narSize;
      }
    } catch (error) {
      for (const path of group.keys()) if (!committed.has(path)) this.#fail(path, error);
    }
  }

  /** Ends everything unless the others are to go on. */
  #fail(path: StorePath, reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason), { cause: reason });
    if (!this.#failed.has(path)) this.#failed.set(path, error);
    if (this.#options.keepGoing !== true) this.#stop.abort(error);
  }
}
