import type { BuildSlot } from '../build/derivation-builder.ts';

interface Loan {
  readonly end: () => void;
  /** Resolves when the slot is the build's again. */
  readonly isBack: Promise<void>;
  isEnding: boolean;
}

/** Gives a build's slot to others while its builder waits for something that they may have to do. */
export class SlotLender {
  readonly #slot: BuildSlot;
  #waiting = 0;
  #loan: Loan | undefined;

  constructor(slot: BuildSlot) {
    this.#slot = slot;
  }

  /** The slot is the build's again once this resolves, unless the builder waits for something else, too. */
  async lendWhile<T>(wait: () => Promise<T>): Promise<T> {
    // A slot that is being taken back is not given away before it is there: it would be taken twice.
    while (this.#loan?.isEnding === true) await this.#loan.isBack;
    const loan = (this.#loan ??= this.#lend());
    this.#waiting++;
    try {
      return await wait();
    } finally {
      if (--this.#waiting === 0) {
        loan.isEnding = true;
        loan.end();
        try {
          await loan.isBack;
        } finally {
          this.#loan = undefined;
        }
      }
    }
  }

  #lend(): Loan {
    const { promise, resolve } = Promise.withResolvers<void>();
    const isBack = this.#slot.yieldWhile(() => promise);
    // Whoever comes last waits for it.
    isBack.catch(() => undefined);
    return { end: resolve, isBack, isEnding: false };
  }
}
