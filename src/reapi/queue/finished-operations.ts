export interface FinishedLimits {
  /** In milliseconds. */
  readonly keepsFor: number;
  readonly keepsCount: number;
  readonly forget: (name: string) => void;
}

/** Names of operations that have ended, in their order: they are forgotten when they are old, or too many. */
export class FinishedOperations {
  readonly #limits: FinishedLimits;
  readonly #ended = new Map<string, number>();

  constructor(limits: FinishedLimits) {
    this.#limits = limits;
  }

  add(name: string): void {
    this.#ended.set(name, performance.now());
    this.forgetOld();
  }

  forgetOld(): void {
    const { keepsFor, keepsCount, forget } = this.#limits;
    const oldest = performance.now() - keepsFor;
    for (const [name, endedAt] of this.#ended) {
      if (endedAt >= oldest && this.#ended.size <= keepsCount) return;
      this.#ended.delete(name);
      forget(name);
    }
  }
}
