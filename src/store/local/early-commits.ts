import type { Database, EarlyDrafts, HeldTransaction } from '../../castore/index.ts';

/** Paths that are valid for this process already. */
export interface EarlyPart {
  readonly drafts: EarlyDrafts;
  /** Records the paths. */
  readonly record: () => void;
  /** Told once the paths are valid for everybody. */
  readonly keep: () => void;
  /** Locks, batches and places: what nobody else may touch until it is settled. */
  readonly held: AsyncDisposable;
}

interface Group {
  readonly transaction: HeldTransaction;
  readonly parts: EarlyPart[];
  readonly settled: Promise<void>;
  /** Whether it takes no more. */
  isClosed: boolean;
}

/**
 * Makes paths valid for this process at once, and for everybody when they are durable: what needs them goes on meanwhile
 * (100 derivations that each need the one before: 2.7 ms of 15 ms each went by with waiting for the disk).
 *
 * Their rows are in a transaction that stays open while their files are synced, which then ends. What comes to it in the
 * same turn of the event loop is settled together; what comes later waits for the next. Whatever ends this process or the
 * machine before, the paths are as if they had never been valid: what lies at their places is nobody's.
 */
export class EarlyCommits implements AsyncDisposable {
  readonly #database: Database;
  #group: Group | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether something is valid for this process alone. */
  get hasSome(): boolean {
    return this.#group !== undefined;
  }

  /** Resolves when nothing is valid for this process alone. */
  async settled(): Promise<void> {
    // How it ended those are told who are waiting for it.
    while (this.#group !== undefined) await this.#group.settled.catch(() => undefined);
  }

  /** Resolves when what is valid for this process now is durable; throws why it did not become it. */
  async settle(): Promise<void> {
    await this.#group?.settled;
  }

  /** Resolves when something could be added; false where that is not possible. */
  async ready(): Promise<boolean> {
    while (this.#group?.isClosed === true) await this.#group.settled.catch(() => undefined);
    return this.#group !== undefined || this.#database.canHold;
  }

  /**
   * To be called when it is `ready`, without waiting for anything in between. What is held is disposed of when the returned
   * promise settles, which rejects if nothing of it has become valid; if this throws it is still the caller's.
   */
  add(part: EarlyPart): Promise<void> {
    const group = (this.#group ??= this.#begin());
    try {
      this.#database.transaction(part.record);
    } catch (error) {
      if (group.parts.length === 0) this.#abandon(group);
      throw error;
    }
    group.parts.push(part);
    return group.settled;
  }

  #begin(): Group {
    const transaction = this.#database.hold();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // It is waited for by who adds.
    promise.catch(() => undefined);
    const group: Group = { transaction, parts: [], settled: promise, isClosed: false };
    setImmediate(() => {
      if (group.isClosed) resolve();
      else this.#settle(group).then(resolve, reject);
    });
    return group;
  }

  #abandon(group: Group): void {
    group.isClosed = true;
    group.transaction[Symbol.dispose]();
    this.#group = undefined;
  }

  async #settle(group: Group): Promise<void> {
    group.isClosed = true;
    const { transaction, parts } = group;
    await using held = new AsyncDisposableStack();
    for (const part of parts) held.use(part.held);
    try {
      const ends = await Promise.allSettled(parts.map(({ drafts }) => drafts.settle()));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      this.#database.transaction(() => parts.forEach(({ drafts }) => drafts.record()));
      transaction.commit();
      for (const { keep } of parts) keep();
    } finally {
      transaction[Symbol.dispose]();
      this.#group = undefined;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.settled();
  }
}
