/** How often a loop may be entered at one place without going on. */
const maxEntered = 2;

/** The combination of none. */
export const noLoops = 0;

const never = -1;

/**
 * Which loops of an expression were entered, and how often, at a place of a text without going on: each such combination as a
 * number. Matches of all texts share them.
 */
export class LoopCombinations {
  /** By number: how often each state was entered. */
  readonly #parts: ReadonlyMap<number, number>[] = [new Map()];
  readonly #numbers = new Map<string, number>([['', noLoops]]);
  /** By combination, then by state that is entered: the combination then, or `never`. */
  readonly #next: Map<number, number>[] = [];

  /** The combination after entering the loop of a state once more; undefined where that was done often enough. */
  enter(loops: number, state: number): number | undefined {
    const next = (this.#next[loops] ??= new Map());
    let number = next.get(state);
    if (number === undefined) {
      number = this.#find(loops, state);
      next.set(state, number);
    }
    return number === never ? undefined : number;
  }

  #find(loops: number, state: number): number {
    const parts = this.#parts[loops] ?? new Map<number, number>();
    const count = parts.get(state) ?? 0;
    if (count >= maxEntered) return never;
    const entered = new Map(parts).set(state, count + 1);
    const key = [...entered].toSorted(([a], [b]) => a - b).join(';');
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#parts.push(entered) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }
}
