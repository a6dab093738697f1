/**
 * Names as small numbers: equal names have equal symbols. Attribute sets are sorted by symbol, which is the order in which
 * names were first met and not that of their bytes.
 */
import { allocate } from './memory.ts';
import { bytesOf, copyString, lengthOf } from './string.ts';

export type Symbol = u32;

/** Stands for no name at all. */
export const noSymbol: Symbol = 0;

let count: u32 = 1;
/** By symbol: its StringObject. */
let names: usize = 0;
let capacity: u32 = 0;
/** Open addressing; twice as many entries as `capacity`, 0 where free. */
let table: usize = 0;

export function symbolCount(): u32 {
  return count;
}

/** The name as a string without context, always the same object for a symbol. */
export function nameOf(symbol: Symbol): usize {
  return load<usize>(names + ((<usize>symbol) << 2));
}

/** The symbol of the `length` bytes at `bytes`. */
export function intern(bytes: usize, length: u32): Symbol {
  if (count >= capacity) enlarge();
  const mask = capacity * 2 - 1;
  let slot = hash(bytes, length) & mask;
  let symbol = symbolAt(slot);
  while (symbol != noSymbol) {
    const name = nameOf(symbol);
    if (lengthOf(name) == length && memory.compare(bytesOf(name), bytes, length) == 0) return symbol;
    slot = (slot + 1) & mask;
    symbol = symbolAt(slot);
  }
  return add(slot, copyString(bytes, length, 0));
}

function symbolAt(slot: u32): Symbol {
  return load<u32>(table + ((<usize>slot) << 2));
}

/** The symbol of a text in the program, which is ASCII. */
export function internText(text: string): Symbol {
  const length = text.length;
  const bytes = allocate(length);
  // AssemblyScript's strings are UTF-16.
  for (let i = 0; i < length; i++) store<u8>(bytes + i, <u8>load<u16>(changetype<usize>(text) + ((<usize>i) << 1)));
  return intern(bytes, length);
}

function add(slot: u32, name: usize): Symbol {
  const symbol = count++;
  store<usize>(names + ((<usize>symbol) << 2), name);
  store<u32>(table + ((<usize>slot) << 2), symbol);
  return symbol;
}

/** Four bytes at a time, as FNV-1a does one; what is above is mixed in below, since the table looks at the low bits. */
function hash(bytes: usize, length: u32): u32 {
  let h: u32 = 0x811c9dc5 ^ length;
  let i: u32 = 0;
  for (; i + 4 <= length; i += 4) {
    h = (h ^ load<u32>(bytes + i)) * 0x9e3779b1;
    h ^= h >>> 15;
  }
  for (; i < length; i++) h = (h ^ load<u8>(bytes + i)) * 0x01000193;
  h *= 0x85ebca6b;
  return h ^ (h >>> 15);
}

/** Whatever is called here may run out of stack: what is known changes at the end, at once. */
function enlarge(): void {
  const larger: u32 = capacity == 0 ? 4096 : capacity * 2;
  const newNames = allocate((<usize>larger) << 2);
  const newTable = allocate((<usize>larger) << 3);
  const mask = larger * 2 - 1;
  memory.copy(newNames, names, (<usize>count) << 2);
  for (let symbol: u32 = 1; symbol < count; symbol++) {
    const name = nameOf(symbol);
    let slot = hash(bytesOf(name), lengthOf(name)) & mask;
    while (load<u32>(newTable + ((<usize>slot) << 2)) != noSymbol) slot = (slot + 1) & mask;
    store<u32>(newTable + ((<usize>slot) << 2), symbol);
  }
  names = newNames;
  table = newTable;
  capacity = larger;
}
