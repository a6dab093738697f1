import type { StorePath } from '../nix-compat/index.ts';
import type { PathAddition, PathOffer } from './store.ts';

/** Paths that are added together, and how far that got. */
export class AdditionGroup {
  readonly #members: ReadonlyMap<StorePath, PathAddition & { readonly outcome: PromiseWithResolvers<boolean> }>;

  constructor(additions: readonly PathAddition[]) {
    this.#members = new Map(
      additions.map(addition => [addition.path, { ...addition, outcome: Promise.withResolvers<boolean>() }]),
    );
  }

  get paths(): Iterable<StorePath> {
    return this.#members.keys();
  }

  has(path: StorePath): boolean {
    return this.#members.has(path);
  }

  offers(path: StorePath): readonly PathOffer[] {
    return this.#members.get(path)?.offers ?? [];
  }

  /** By what any of the offers says. */
  references(path: StorePath): StorePath[] {
    return this.offers(path).flatMap(({ info }) => info.references);
  }

  settle(path: StorePath, isValid: boolean): void {
    this.#members.get(path)?.outcome.resolve(isValid);
  }

  /** Resolves to whether the path became valid; false for one that is not in the group. */
  whenSettled(path: StorePath): Promise<boolean> {
    return this.#members.get(path)?.outcome.promise ?? Promise.resolve(false);
  }
}
