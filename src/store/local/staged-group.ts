import type { PathInfo, StorePath } from '../../nix-compat/index.ts';
import { commitGroup } from './commit-group.ts';
import type { LocalStore } from './local-store.ts';
import type { ReceivedPath, StagedPath } from './staged-path.ts';
import type { StagedTree } from './tree-staging.ts';

/** What may be staged without being committed, and how many paths of it may be on their way to the disk. */
const limit = { paths: 512, bytes: 64 * 1024 * 1024, underWay: 64 };

/**
 * Paths of a stream, each after those it refers to: they become valid in groups, since every commit waits for the disk. One
 * group is being committed while the next gathers.
 */
export class StagedGroup implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #repair: boolean;
  readonly #signal: AbortSignal;
  readonly #underWay = new Map<StorePath, Promise<void>>();
  #staged = new Map<StorePath, StagedPath>();
  #bytes = 0;
  #committing: { readonly group: ReadonlyMap<StorePath, StagedPath>; readonly done: Promise<void> } | undefined;
  /** What has kept a path from getting to the disk, or from becoming valid. */
  #failure: { readonly error: unknown } | undefined;

  constructor(store: LocalStore, { repair, signal }: { readonly repair: boolean; readonly signal: AbortSignal }) {
    this.#store = store;
    this.#repair = repair;
    this.#signal = signal;
  }

  get isEmpty(): boolean {
    return this.#staged.size === 0 && this.#underWay.size === 0 && this.#committing === undefined;
  }

  has(path: StorePath): boolean {
    return this.#staged.has(path) || this.#underWay.has(path) || this.#committing?.group.has(path) === true;
  }

  /** Takes over what was received. Throws as `commit`, of what was taken before. */
  async take({ info, tree }: ReceivedPath): Promise<void> {
    this.#underWay.set(info.path, this.#stage(info, tree));
    this.#bytes += info.narSize;
    const [oldest] = this.#underWay.values();
    if (this.#underWay.size >= limit.underWay) await oldest;
    const isFull = this.#staged.size + this.#underWay.size >= limit.paths || this.#bytes >= limit.bytes;
    if (isFull) {
      await this.#settle();
      this.#startCommit();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #stage(info: PathInfo, tree: Promise<StagedTree>): Promise<void> {
    try {
      this.#staged.set(info.path, { info, ...(await tree) });
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#underWay.delete(info.path);
    }
  }

  async #settle(): Promise<void> {
    await Promise.all([...this.#underWay.values(), this.#committing?.done]);
  }

  #startCommit(): void {
    const group = this.#staged;
    this.#staged = new Map();
    this.#bytes = 0;
    const done = this.#commit(group).finally(() => (this.#committing = undefined));
    this.#committing = { group, done };
  }

  async #commit(group: ReadonlyMap<StorePath, StagedPath>): Promise<void> {
    try {
      // Before it is looked whether what they refer to is valid. Together: each call takes some of the system's.
      const paths = Array.from(group.values(), ({ info }) => [info.path, ...info.references]).flat();
      await this.#store.temporaryRoots.add(paths, this.#signal);
      const left = await commitGroup(this.#store, group, {
        repair: this.#repair,
        replace: this.#repair,
        signal: this.#signal,
        fail: (_path, error) => (this.#failure ??= { error }),
        valid: () => {},
      });
      for (const [path, staged] of left) this.#staged.set(path, staged);
    } catch (error) {
      this.#failure ??= { error };
      for (const { batch } of group.values()) await batch[Symbol.asyncDispose]();
    }
  }

  /**
   * Makes valid what was taken, if need be without what has failed. Throws `path/missing-reference`, and why something has not
   * got to the disk.
   */
  async commit(): Promise<void> {
    await this.#settle();
    do {
      this.#startCommit();
      await this.#settle();
    } while (this.#staged.size > 0 && this.#failure === undefined);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settle();
    for (const { batch } of this.#staged.values()) await batch[Symbol.asyncDispose]();
  }
}
