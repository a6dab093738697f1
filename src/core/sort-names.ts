/** Sorting by name: pairs of a symbol and a number on the scratch stack. */
import { scratchAt, scratchSize, setScratchAt } from './scratch.ts';
import { compareStrings } from './string.ts';
import { nameOf } from './symbol.ts';

/** Sorts the pairs from index `from` of the scratch stack on by the bytes of their symbols' names. */
export function sortScratchByName(from: u32): void {
  const count = (scratchSize() - from) >> 1;
  if (isSorted(from, count)) return;
  // A heap whose root is the last of the names, then the root to the end and the rest a heap again.
  for (let i = count >> 1; i > 0; i--) sift(from, i - 1, count);
  for (let end = count - 1; end > 0; end--) {
    swap(from, from + (end << 1));
    sift(from, 0, end);
  }
}

function isSorted(from: u32, count: u32): bool {
  for (let i: u32 = 1; i < count; i++) {
    if (isBefore(from + (i << 1), from + ((i - 1) << 1))) return false;
  }
  return true;
}

function isBefore(a: u32, b: u32): bool {
  return compareStrings(nameOf(scratchAt(a)), nameOf(scratchAt(b))) < 0;
}

function swap(a: u32, b: u32): void {
  const symbol = scratchAt(a);
  const index = scratchAt(a + 1);
  setScratchAt(a, scratchAt(b));
  setScratchAt(a + 1, scratchAt(b + 1));
  setScratchAt(b, symbol);
  setScratchAt(b + 1, index);
}

function sift(from: u32, start: u32, count: u32): void {
  let parent = start;
  let child = parent * 2 + 1;
  while (child < count) {
    if (child + 1 < count && isBefore(from + (child << 1), from + ((child + 1) << 1))) child++;
    if (!isBefore(from + (parent << 1), from + (child << 1))) return;
    swap(from + (parent << 1), from + (child << 1));
    parent = child;
    child = parent * 2 + 1;
  }
}
