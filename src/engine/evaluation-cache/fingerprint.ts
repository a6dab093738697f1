import type { Stats } from 'node:fs';

/** Numbers of a `FileMarks` row: device, inode, mode, size, and the times of the last change of contents and of anything, in ms. */
export const marksOfFile = 6;

/**
 * How long ago a file must have been changed, in ms, for its times to tell of the next change: file systems keep times as
 * coarsely as this.
 */
const settlingTime = 2000;

/** By what a file or folder is known again without being read. */
export class Fingerprints {
  #marks: number[] = [];

  static of(marks: Float64Array): Fingerprints {
    const all = new Fingerprints();
    all.#marks = Array.from(marks);
    return all;
  }

  get count(): number {
    return this.#marks.length / marksOfFile;
  }

  /** `now`: when it was read, in ms since 1970. One that was changed just before has no fingerprint: it is never the same. */
  add({ dev, ino, mode, size, mtimeMs, ctimeMs }: Stats, now: number): void {
    const isSettled = Math.max(mtimeMs, ctimeMs) + settlingTime <= now;
    this.#marks.push(isSettled ? dev : Number.NaN, ino, mode, size, mtimeMs, ctimeMs);
  }

  /** Whether the file that was added as number `index` is the same as when it was added. */
  isSame(index: number, { dev, ino, mode, size, mtimeMs, ctimeMs }: Stats): boolean {
    const marks = this.#marks;
    const at = index * marksOfFile;
    return (
      marks[at] === dev &&
      marks[at + 1] === ino &&
      marks[at + 2] === mode &&
      marks[at + 3] === size &&
      marks[at + 4] === mtimeMs &&
      marks[at + 5] === ctimeMs
    );
  }

  toArray(): Float64Array {
    return Float64Array.from(this.#marks);
  }
}
