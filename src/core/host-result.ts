/** Where the host puts a word that it answers with: BigInt, which a result of 64 bits would be, is slow. */
import { allocate } from './memory.ts';
import { force } from './force.ts';
import type { Word } from './value.ts';

let slot: usize = 0;

export function resultAddress(): usize {
  if (slot == 0) slot = allocate(8);
  return slot;
}

/** In weak head normal form, also where the host answered with a cell. */
export function hostResult(): Word {
  return force(load<u64>(slot), 0);
}
