/** A set of addresses. */
import { allocate } from '../memory.ts';

@unmanaged
class Visited {
  count: u32;
  /** A power of two. */
  capacity: u32;
  /** Open addressing; 0 where free. */
  slots: usize;
  reserved: u32;
}

export function newVisited(): usize {
  const set = changetype<Visited>(allocate(16));
  set.capacity = 64;
  set.slots = allocate(64 << 2);
  return changetype<usize>(set);
}

/** Whether `address` was not in the set before. */
export function addVisited(at: usize, address: u32): bool {
  const set = changetype<Visited>(at);
  if (set.count * 2 >= set.capacity) enlarge(set);
  const slot = find(set, address);
  if (load<u32>(slot) == address) return false;
  store<u32>(slot, address);
  set.count++;
  return true;
}

/** The slot that has `address`, or a free one for it. */
function find(set: Visited, address: u32): usize {
  const mask = set.capacity - 1;
  let index = ((address >>> 3) * 0x9e3779b1) & mask;
  let slot = set.slots + ((<usize>index) << 2);
  while (load<u32>(slot) != 0 && load<u32>(slot) != address) {
    index = (index + 1) & mask;
    slot = set.slots + ((<usize>index) << 2);
  }
  return slot;
}

function enlarge(set: Visited): void {
  const old = set.slots;
  const capacity = set.capacity;
  set.capacity = capacity << 1;
  set.slots = allocate((<usize>set.capacity) << 2);
  for (let i: u32 = 0; i < capacity; i++) {
    const address = load<u32>(old + ((<usize>i) << 2));
    if (address != 0) store<u32>(find(set, address), address);
  }
}
