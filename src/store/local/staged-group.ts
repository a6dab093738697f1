import type { StorePath } from '../../nix-compat/index.ts';
import { commitGroup } from './commit-group.ts';
import type { LocalStore } from './local-store.ts';
import type { StagedPath } from './staged-path.ts';

/** What may be staged without being committed. */
const limit = { paths: 64, bytes: 64 * 1024 * 1024 };

/** Paths of a stream, each after those it refers to: they become valid in groups, since every commit waits for the disk. */
export class StagedGroup implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #repair: boolean;
  readonly #signal: AbortSignal;
  #staged = new Map<StorePath, StagedPath>();
  #bytes = 0;

  constructor(store: LocalStore, { repair, signal }: { readonly repair: boolean; readonly signal: AbortSignal }) {
    this.#store = store;
    this.#repair = repair;
    this.#signal = signal;
  }

  get isEmpty(): boolean {
    return this.#staged.size === 0;
  }

  has(path: StorePath): boolean {
    return this.#staged.has(path);
  }

  /** Takes over `staged`. Throws as `commit`, if that is due. */
  async take(staged: StagedPath): Promise<void> {
    this.#staged.set(staged.info.path, staged);
    this.#bytes += staged.info.narSize;
    if (this.#staged.size >= limit.paths || this.#bytes >= limit.bytes) await this.commit();
  }

  /** Makes valid what is staged. Throws `path/missing-reference`. */
  async commit(): Promise<void> {
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
    if (failures.length > 0) throw failures[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { batch } of this.#staged.values()) await batch[Symbol.asyncDispose]();
  }
}
