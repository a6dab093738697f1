/** Numbers that follow from a seed alone (sfc32), so that a run can be repeated. */
export class Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #counter = 1;

  constructor(seed: string | Uint8Array) {
    const bytes = typeof seed === 'string' ? Buffer.from(seed, 'latin1') : seed;
    let a = 0x811c9dc5;
    let b = bytes.length;
    for (const byte of bytes) {
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b + byte, 0x85ebca6b) ^ (b >>> 13);
    }
    this.#a = a;
    this.#b = b;
    for (let warmUp = 0; warmUp < 12; warmUp++) this.next();
  }

  /** Any 32 bits, as a number from 0. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A number from 0 to before `end`, which is at least 1. */
  below(end: number): number {
    return this.next() % end;
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** A length of up to `max`, small ones more often. */
  length(max: number): number {
    const bits = Math.ceil(Math.log2(max + 1));
    return Math.min(max, this.next() % 2 ** this.below(bits + 1));
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }
}
