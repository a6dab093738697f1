import type { Job } from './job.ts';

/** Jobs that wait to be executed, those first that are urgent, then those that came first: a binary heap. */
export class WaitingJobs {
  readonly #heap: Job[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(job: Job): void {
    this.#heap.push(job);
    this.#rise(this.#heap.length - 1);
  }

  /** The next one, which is removed. */
  take(): Job | undefined {
    const [first] = this.#heap;
    if (first !== undefined) this.#removeAt(0);
    return first;
  }

  remove(job: Job): boolean {
    const at = this.#heap.indexOf(job);
    if (at < 0) return false;
    this.#removeAt(at);
    return true;
  }

  #removeAt(at: number): void {
    const last = this.#heap.pop();
    if (last === undefined || at === this.#heap.length) return;
    this.#heap[at] = last;
    this.#sink(this.#rise(at));
  }

  #rise(start: number): number {
    let at = start;
    for (let parent = (at - 1) >> 1; at > 0 && this.#isBefore(at, parent); parent = (at - 1) >> 1) {
      this.#swap(at, parent);
      at = parent;
    }
    return at;
  }

  #sink(start: number): void {
    for (let at = start; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let first = at;
      if (this.#isBefore(left, first)) first = left;
      if (this.#isBefore(right, first)) first = right;
      if (first === at) return;
      this.#swap(at, first);
      at = first;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return false;
    return a.priority < b.priority || (a.priority === b.priority && a.serial < b.serial);
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return;
    this.#heap[one] = b;
    this.#heap[other] = a;
  }
}
