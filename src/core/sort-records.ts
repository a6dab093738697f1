/** Sorting of definitions and formals: records of 16 bytes that begin with a symbol and a position. */
import { allocate } from './memory.ts';

/** Fewer are sorted by insertion. */
const fewRecords: u32 = 24;

let buffer: usize = 0;
let bufferCount: u32 = 0;

/** Sorts by symbol, and those of one symbol by position. */
export function sortRecords(block: usize, count: u32): void {
  if (isSorted(block, count)) return;
  if (count <= fewRecords) sortFew(block, count);
  else sortMany(block, count);
}

function keyAt(block: usize, index: u32): u64 {
  return rotl<u64>(load<u64>(block + ((<usize>index) << 4)), 32);
}

function isSorted(block: usize, count: u32): bool {
  for (let i: u32 = 1; i < count; i++) {
    if (keyAt(block, i) < keyAt(block, i - 1)) return false;
  }
  return true;
}

function sortFew(block: usize, count: u32): void {
  for (let i: u32 = 1; i < count; i++) {
    const key = keyAt(block, i);
    const rest = load<u64>(block + ((<usize>i) << 4), 8);
    let at = i;
    while (at > 0 && keyAt(block, at - 1) > key) {
      copyRecord(block, at, block, at - 1);
      at--;
    }
    store<u64>(block + ((<usize>at) << 4), rotl<u64>(key, 32));
    store<u64>(block + ((<usize>at) << 4), rest, 8);
  }
}

function copyRecord(to: usize, toIndex: u32, from: usize, fromIndex: u32): void {
  memory.copy(to + ((<usize>toIndex) << 4), from + ((<usize>fromIndex) << 4), 16);
}

/** Merges runs of doubling length, from the block to a buffer and back. */
function sortMany(block: usize, count: u32): void {
  if (bufferCount < count) {
    buffer = allocate((<usize>count) << 5);
    bufferCount = count * 2;
  }
  let from = block;
  let to = buffer;
  for (let width: u32 = 1; width < count; width *= 2) {
    for (let start: u32 = 0; start < count; start += width * 2) {
      const middle = min(start + width, count);
      mergeRuns(from, to, start, middle, min(middle + width, count));
    }
    const other = from;
    from = to;
    to = other;
  }
  if (from != block) memory.copy(block, from, (<usize>count) << 4);
}

function mergeRuns(from: usize, to: usize, start: u32, middle: u32, end: u32): void {
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    if (left < middle && (right == end || keyAt(from, left) <= keyAt(from, right))) copyRecord(to, at, from, left++);
    else copyRecord(to, at, from, right++);
  }
}
