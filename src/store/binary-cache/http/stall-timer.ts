/** Notices that something was waited for and did not come for so long; not what nobody waits for. */
export class StallTimer implements Disposable {
  readonly #timer: NodeJS.Timeout | undefined;
  #isWaiting = false;

  /** `seconds` 0 waits for ever. `stalled` is called once at most. */
  constructor(seconds: number, stalled: () => void) {
    if (seconds === 0) return;
    this.#timer = setTimeout(() => {
      if (this.#isWaiting) stalled();
    }, seconds * 1000);
  }

  /** From now on it is waited. Also to be called for each piece that comes while it is. */
  wait(): void {
    this.#isWaiting = true;
    this.#timer?.refresh();
  }

  pause(): void {
    this.#isWaiting = false;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
