/** From symbols to addresses. */
import { allocate } from '../memory.ts';
import type { Symbol } from '../symbol.ts';

@unmanaged
export class SymbolMap {
  count: u32;
  /** A power of two. */
  capacity: u32;
  /** Open addressing: symbol and address, 0 where free. */
  slots: usize;
  reserved: u32;
}

export function newSymbolMap(): SymbolMap {
  const map = changetype<SymbolMap>(allocate(16));
  map.capacity = 1024;
  map.slots = allocate(1024 << 3);
  return map;
}

/** 0 for a symbol that has none. */
export function addressFor(map: SymbolMap, symbol: Symbol): usize {
  return load<u32>(slotOf(map, symbol), 4);
}

export function setAddressFor(map: SymbolMap, symbol: Symbol, address: usize): void {
  if (map.count * 2 >= map.capacity) enlarge(map);
  const slot = slotOf(map, symbol);
  if (load<u32>(slot) == 0) map.count++;
  store<u32>(slot, symbol);
  store<u32>(slot, <u32>address, 4);
}

/** The slot that has `symbol`, or a free one for it. */
function slotOf(map: SymbolMap, symbol: Symbol): usize {
  const mask = map.capacity - 1;
  let index = (symbol * 0x9e3779b1) & mask;
  let slot = map.slots + ((<usize>index) << 3);
  while (load<u32>(slot) != 0 && load<u32>(slot) != symbol) {
    index = (index + 1) & mask;
    slot = map.slots + ((<usize>index) << 3);
  }
  return slot;
}

function enlarge(map: SymbolMap): void {
  const old = map.slots;
  const capacity = map.capacity;
  map.capacity = capacity << 1;
  map.slots = allocate((<usize>map.capacity) << 3);
  for (let i: u32 = 0; i < capacity; i++) {
    const from = old + ((<usize>i) << 3);
    if (load<u32>(from) != 0) store<u64>(slotOf(map, load<u32>(from)), load<u64>(from));
  }
}
