import type { Stats } from 'node:fs';

/** Numbers of a `FileMarks` row: device, inode, mode, size, and the times of the last change of contents and of anything, in ms. */
export const marksOfFile = 6;

/**
 * How long ago a file must have been changed, in ms, for its times to tell of the next change: file systems keep times as
 * coarsely as this.
 */
const settlingTime = 2000;

/** By what files and folders are known again without being read: a row for each that is added. */
export class Fingerprints {
  readonly #marks: number[] = [];

  get count(): number {
    return this.#marks.length / marksOfFile;
  }

  /** `now`: when it was read, in ms since 1970. One that was changed just before has no fingerprint: it is never the same. */
  add({ dev, ino, mode, size, mtimeMs, ctimeMs }: Stats, now: number): void {
    const isSettled = Math.max(mtimeMs, ctimeMs) + settlingTime <= now;
    this.#marks.push(isSettled ? dev : Number.NaN, ino, mode, size, mtimeMs, ctimeMs);
  }

  /** As the function of that name. */
  isSame(index: number, stats: Stats): boolean {
    return isSameFile(this.#marks, index, stats);
  }

  toArray(): Float64Array {
    return Float64Array.from(this.#marks);
  }
}

/** Whether the file of row `index` of `marks` is the same as when it was added. */
export function isSameFile(marks: ArrayLike<number>, index: number, stats: Stats): boolean {
  const at = index * marksOfFile;
  return (
    marks[at] === stats.dev &&
    marks[at + 1] === stats.ino &&
    marks[at + 2] === stats.mode &&
    marks[at + 3] === stats.size &&
    marks[at + 4] === stats.mtimeMs &&
    marks[at + 5] === stats.ctimeMs
  );
}
