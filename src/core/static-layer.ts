/** The names of the environments that a tree is evaluated in: the base environment, scopedImport's, the repl's. */
import { allocate } from './memory.ts';
import type { Symbol } from './symbol.ts';

/** Names of one environment: `count` symbols in ascending order at `symbols`, and their slots. */
@unmanaged
export class StaticLayer {
  /** That of the environment around; 0 for none. */
  parent: usize;
  count: u32;
  symbols: usize;
  /** As many slots; 0 where each symbol's slot is its index. */
  slots: usize;
  capacity: u32;
}

/** Levels up from the environment of the whole tree, and the slot there, of what `findStatic` found. */
export let staticLevel: u32 = 0;
export let staticSlot: u32 = 0;

/** A layer without names, which can be added. */
export function newStaticLayer(parent: usize): usize {
  const layer = allocate(offsetof<StaticLayer>());
  changetype<StaticLayer>(layer).parent = parent;
  return layer;
}

/** A layer whose names are `count` symbols in ascending order at `symbols`, each in the slot of its index. */
export function layerOfSymbols(parent: usize, count: u32, symbols: usize): usize {
  const layer = newStaticLayer(parent);
  changetype<StaticLayer>(layer).count = count;
  changetype<StaticLayer>(layer).symbols = symbols;
  return layer;
}

/** Gives a name a slot, another one where it had one. Only for layers of `newStaticLayer`. */
export function addStaticName(address: usize, symbol: Symbol, slot: u32): void {
  const layer = changetype<StaticLayer>(address);
  const index = lowerBound(layer, symbol);
  if (index < layer.count && symbolAt(layer, index) == symbol) {
    store<u32>(layer.slots + ((<usize>index) << 2), slot);
    return;
  }
  if (layer.count == layer.capacity) enlarge(layer);
  insert(layer.symbols, index, layer.count, symbol);
  insert(layer.slots, index, layer.count, slot);
  layer.count++;
}

function insert(block: usize, index: u32, count: u32, value: u32): void {
  const at = block + ((<usize>index) << 2);
  memory.copy(at + 4, at, (<usize>(count - index)) << 2);
  store<u32>(at, value);
}

function enlarge(layer: StaticLayer): void {
  const larger = layer.capacity == 0 ? 16 : layer.capacity * 2;
  const symbols = allocate((<usize>larger) << 2);
  const slots = allocate((<usize>larger) << 2);
  memory.copy(symbols, layer.symbols, (<usize>layer.count) << 2);
  memory.copy(slots, layer.slots, (<usize>layer.count) << 2);
  layer.symbols = symbols;
  layer.slots = slots;
  layer.capacity = larger;
}

function symbolAt(layer: StaticLayer, index: u32): Symbol {
  return load<u32>(layer.symbols + ((<usize>index) << 2));
}

/** The first index whose symbol is not below `symbol`. */
function lowerBound(layer: StaticLayer, symbol: Symbol): u32 {
  let low: u32 = 0;
  let high = layer.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (symbolAt(layer, middle) < symbol) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a layer from `innermost` outwards has the symbol; then `staticLevel` and `staticSlot` say where. */
export function findStatic(innermost: usize, symbol: Symbol): bool {
  let level: u32 = 0;
  for (let address = innermost; address != 0; level++) {
    const layer = changetype<StaticLayer>(address);
    const index = lowerBound(layer, symbol);
    if (index < layer.count && symbolAt(layer, index) == symbol) {
      staticLevel = level;
      staticSlot = layer.slots == 0 ? index : load<u32>(layer.slots + ((<usize>index) << 2));
      return true;
    }
    address = layer.parent;
  }
  return false;
}
