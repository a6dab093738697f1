import type { Realisation } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';

/** Realisations that wait at most. */
const maxWaiting = 1000;

/**
 * Realisations that follow from others: of derivations whose resolved form has been realised, or whose outputs were
 * substituted. They are only noted so that this need not be found out again, and a transaction of the store's for each would
 * take longer than all else where nothing is to be built; so they are recorded many at a time, and at the end.
 */
export class RealisationNotes {
  readonly #store: Store;
  readonly #waiting: Realisation[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  async note(realisation: Realisation): Promise<void> {
    this.#waiting.push(realisation);
    if (this.#waiting.length >= maxWaiting) await this.flush();
  }

  /** Throws as `PathWriter.addRealisation`. */
  async flush(): Promise<void> {
    const { writer } = this.#store;
    const all = this.#waiting.splice(0);
    if (all.length === 0 || writer === undefined) return;
    if (writer.addRealisations !== undefined) await writer.addRealisations(all);
    else for (const realisation of all) await writer.addRealisation(realisation);
  }
}
