/**
 * Which cells were forced, and what they held: while something is evaluated only for what it needs (src/eval/passes.ts),
 * so that all can be as if it had not been begun.
 */
import { allocate } from './memory.ts';

export let keepsTrail: bool = false;

const entrySize: usize = 16;

let entries: usize = 0;
let count: u32 = 0;
let capacity: u32 = 0;

export function beginTrail(): void {
  keepsTrail = true;
  count = 0;
}

export function noteForced(cell: usize, thunk: u64): void {
  if (count == capacity) enlarge();
  const entry = entries + <usize>count * entrySize;
  store<u64>(entry, cell);
  store<u64>(entry, thunk, 8);
  count++;
}

function enlarge(): void {
  capacity = capacity == 0 ? 1024 : capacity << 1;
  const larger = allocate(<usize>capacity * entrySize);
  memory.copy(larger, entries, <usize>count * entrySize);
  entries = larger;
}

/** Forgets the trail; first, where that is asked for, each cell gets back what it held. */
export function endTrail(undoes: bool): void {
  keepsTrail = false;
  if (!undoes) return;
  for (let left = count; left > 0; left--) {
    const entry = entries + <usize>(left - 1) * entrySize;
    store<u64>(<usize>load<u64>(entry), load<u64>(entry, 8));
  }
}
