import type { PathInfo, StorePath } from '../../nix-compat/index.ts';
import { commitGroup } from './commit-group.ts';
import type { LocalStore } from './local-store.ts';
import type { ReceivedPath, StagedPath } from './staged-path.ts';
import type { StagedTree } from './tree-staging.ts';

/** What may be staged without being committed, and how many paths of it may be on their way to the disk. */
const limit = { paths: 512, bytes: 64 * 1024 * 1024, underWay: 64 };

/** Paths of a stream, each after those it refers to: they become valid in groups, since every commit waits for the disk. */
export class StagedGroup implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #repair: boolean;
  readonly #signal: AbortSignal;
  readonly #underWay = new Map<StorePath, Promise<void>>();
  #staged = new Map<StorePath, StagedPath>();
  #bytes = 0;
  /** What has kept a tree from getting to the disk. */
  #failure: { readonly error: unknown } | undefined;

  constructor(store: LocalStore, { repair, signal }: { readonly repair: boolean; readonly signal: AbortSignal }) {
    this.#store = store;
    this.#repair = repair;
    this.#signal = signal;
  }

  get isEmpty(): boolean {
    return this.#staged.size === 0 && this.#underWay.size === 0;
  }

  has(path: StorePath): boolean {
    return this.#staged.has(path) || this.#underWay.has(path);
  }

  /** Takes over what was received. Throws as `commit`, if that is due. */
  async take({ info, tree }: ReceivedPath): Promise<void> {
    this.#underWay.set(info.path, this.#stage(info, tree));
    this.#bytes += info.narSize;
    const isFull = this.#staged.size + this.#underWay.size >= limit.paths || this.#bytes >= limit.bytes;
    if (isFull || this.#failure !== undefined) await this.commit();
    const [oldest] = this.#underWay.values();
    if (this.#underWay.size >= limit.underWay) await oldest;
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

  /** Makes valid what is staged. Throws `path/missing-reference`, and why what was taken has not got to the disk. */
  async commit(): Promise<void> {
    await Promise.all(this.#underWay.values());
    const failures: unknown[] = [];
    while (this.#staged.size > 0 && failures.length === 0) {
      const group = this.#staged;
      this.#staged = new Map();
      const left = await commitGroup(this.#store, group, {
        repair: this.#repair,
        replace: this.#repair,
        signal: this.#signal,
        fail: (_path, error) => void failures.push(error),
        valid: () => {},
      });
      this.#staged = new Map(left);
    }
    this.#bytes = 0;
    if (this.#failure !== undefined) throw this.#failure.error;
    if (failures.length > 0) throw failures[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#underWay.values());
    for (const { batch } of this.#staged.values()) await batch[Symbol.asyncDispose]();
  }
}
