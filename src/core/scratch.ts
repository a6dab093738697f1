/** A stack of numbers for what is being collected: parts of a list whose length is not known yet. */
import { allocate } from './memory.ts';

let base: usize = 0;
let size: u32 = 0;
let capacity: u32 = 0;

/** How many numbers there are: what `truncateScratch` goes back to. */
export function scratchSize(): u32 {
  return size;
}

export function scratchAddress(): usize {
  return base;
}

export function pushScratch(value: u32): void {
  if (size == capacity) enlarge();
  store<u32>(base + ((<usize>size) << 2), value);
  size++;
}

export function scratchAt(index: u32): u32 {
  return load<u32>(base + ((<usize>index) << 2));
}

export function setScratchAt(index: u32, value: u32): void {
  store<u32>(base + ((<usize>index) << 2), value);
}

export function truncateScratch(to: u32): void {
  size = to;
}

/** A block of all numbers from index `from` on, which are taken off the stack. */
export function takeScratch(from: u32): usize {
  const bytes = (<usize>(size - from)) << 2;
  const block = allocate(bytes);
  memory.copy(block, base + ((<usize>from) << 2), bytes);
  size = from;
  return block;
}

function enlarge(): void {
  const larger = capacity == 0 ? 4096 : capacity * 2;
  const moved = allocate((<usize>larger) << 2);
  memory.copy(moved, base, (<usize>size) << 2);
  base = moved;
  capacity = larger;
}
