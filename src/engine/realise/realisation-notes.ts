import {
  type DerivationOutputId,
  type Realisation,
  type RealisedOutput,
  formatOutputId,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';

/** Realisations that wait at most. */
const maxWaiting = 10_000;

/**
 * Realisations that follow from others: of derivations whose resolved form has been realised, or whose outputs were
 * substituted. They are only noted so that this need not be found out again, and a transaction of the store's for each would
 * take longer than all else where nothing is to be built; so they are recorded many at a time, and at the end.
 */
export class RealisationNotes {
  readonly #store: Store;
  readonly #waiting = new Map<string, Realisation>();
  #flushed: Promise<void> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  async note(realisation: Realisation): Promise<void> {
    this.#waiting.set(formatOutputId(realisation.id), realisation);
    if (this.#waiting.size >= maxWaiting) await this.flush();
  }

  /** What is noted of an output and the store does not know yet. */
  find(id: DerivationOutputId): RealisedOutput | undefined {
    return this.#waiting.size === 0 ? undefined : this.#waiting.get(formatOutputId(id));
  }

  /** Throws as `PathWriter.addRealisation`. */
  flush(): Promise<void> {
    this.#flushed = this.#flushed.then(() => this.#write());
    return this.#flushed;
  }

  async #write(): Promise<void> {
    const { writer } = this.#store;
    const all = [...this.#waiting.values()];
    if (all.length === 0 || writer === undefined) return;
    if (writer.addRealisations !== undefined) await writer.addRealisations(all);
    else for (const realisation of all) await writer.addRealisation(realisation);
    for (const { id } of all) this.#waiting.delete(formatOutputId(id));
  }
}
