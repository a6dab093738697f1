/** Bytes that a server keeps for its clients: of messages that were not asked for yet, or are not complete. */
export class MemoryBudget {
  readonly #size: number;
  #taken = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Notes bytes that are here already; negative: that they are gone. */
  note(bytes: number): void {
    this.#taken += bytes;
  }

  /** Whether nobody should read ahead of what is asked for. */
  get isTight(): boolean {
    return this.#taken > this.#size / 2;
  }

  /** Whether somebody has to let go of what is here. */
  get isExhausted(): boolean {
    return this.#taken > this.#size;
  }
}
