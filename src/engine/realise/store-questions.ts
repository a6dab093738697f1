import { QuestionBatches } from '../../base/index.ts';
import type { Derivation, DerivationOutputId, RealisedOutput, StorePath } from '../../nix-compat/index.ts';
import { type Store, knownRealisations, readDerivation } from '../../store/index.ts';
import { type Stores, homesOf } from './locate-derivations.ts';
import type { RealisationNotes } from './realisation-notes.ts';

/**
 * What goals ask the store, all of one moment together: where nothing is to be built, one question for each goal takes longer
 * than all else (of 10,000 floating derivations 5 of 8 seconds).
 */
export class StoreQuestions {
  readonly #stores: Stores;
  readonly #notes: RealisationNotes;
  readonly #signal: AbortSignal;
  readonly #valid: QuestionBatches<StorePath, true>;
  readonly #realisations: QuestionBatches<DerivationOutputId, RealisedOutput>;
  readonly #derivations: QuestionBatches<StorePath, FoundDerivation>;

  constructor(stores: Stores, notes: RealisationNotes, signal: AbortSignal) {
    const { store } = stores;
    this.#stores = stores;
    this.#notes = notes;
    this.#signal = signal;
    this.#valid = new QuestionBatches(async (paths: ReadonlySet<StorePath>) => {
      await store.collector?.addTemporaryRoots(paths);
      const valid = await store.validPaths(paths, { signal });
      return new Map(Array.from(valid, path => [path, true]));
    });
    this.#realisations = new QuestionBatches((ids: ReadonlySet<DerivationOutputId>) =>
      knownRealisations(store, ids, { signal }),
    );
    this.#derivations = new QuestionBatches((paths: ReadonlySet<StorePath>) => this.#findDerivations(paths));
  }

  /** Whether `path` is valid; it is kept from now on. */
  async isValid(path: StorePath): Promise<boolean> {
    return (await this.#valid.find(path)) === true;
  }

  /** What an output turned out to be, as far as the store or what is noted for it says. */
  async realisation(id: DerivationOutputId): Promise<RealisedOutput | undefined> {
    return this.#notes.find(id) ?? (await this.#realisations.find(id));
  }

  /** The derivation at `path`, which is kept from now on; undefined where no store has it. Throws as `readDerivation`. */
  async derivation(path: StorePath): Promise<Derivation | undefined> {
    const found = await this.#derivations.find(path);
    if (found === undefined) return undefined;
    return found.derivation ?? (await readDerivation(found.home, path, { signal: this.#signal }));
  }

  async #findDerivations(paths: ReadonlySet<StorePath>): Promise<ReadonlyMap<StorePath, FoundDerivation>> {
    const { store, evalStore } = this.#stores;
    for (const each of new Set([evalStore, store])) await each.collector?.addTemporaryRoots(paths);
    const found = new Map<StorePath, FoundDerivation>();
    for (const [path, derivation] of evalStore.knownDerivations?.(paths) ?? [])
      found.set(path, { home: evalStore, derivation });
    const left = [...paths].filter(path => !found.has(path));
    for (const [path, home] of await homesOf(this.#stores, left, { signal: this.#signal }))
      found.set(path, { home, derivation: undefined });
    return found;
  }
}

interface FoundDerivation {
  readonly home: Store;
  /** Where the store had it at hand. */
  readonly derivation: Derivation | undefined;
}
