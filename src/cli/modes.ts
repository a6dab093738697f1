/** What the flags of an invocation say that is no setting. */
export class Modes {
  readonly #warn: (message: string) => void;
  /** Whether nothing is written to the store (`--readonly-mode`). */
  readsOnly = false;
  /** Whether nothing is built or fetched, also for what evaluates (`--dry-run`). */
  plansOnly = false;
  /** Whether it is said where results are not kept; once. */
  warnsOfGarbage = true;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** To be called where results are named that nothing keeps from being collected. */
  warnOfGarbage(): void {
    if (!this.warnsOfGarbage) return;
    this.warnsOfGarbage = false;
    this.#warn("you did not specify '--add-root'; the result might be removed by the garbage collector");
  }
}
