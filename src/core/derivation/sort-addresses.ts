/** Sorts blocks of addresses, 4 bytes each. */
import { addressAt, setAddressAt } from './addresses.ts';
import { Input } from './draft.ts';
import { hashDigits } from './store-path.ts';
import { compareStrings } from '../string.ts';

export const enum Order {
  /** StringObjects by their bytes. */
  Strings,
  /** Inputs by their derivations' paths, then by the outputs' names. */
  InputsByPath,
  /** Inputs by their hashes, then by the outputs' names. */
  InputsByHash,
}

/** In place, by insertion: a derivation has few inputs, most of them in order already, and many only where time is spent. */
export function sortAddresses(block: usize, count: u32, order: Order): void {
  for (let i: u32 = 1; i < count; i++) {
    const moved = addressAt(block, i);
    const at = placeOf(block, i, moved, order);
    memory.copy(block + ((<usize>at) << 2) + 4, block + ((<usize>at) << 2), (<usize>(i - at)) << 2);
    setAddressAt(block, at, moved);
  }
}

/** Where `item` belongs among the first `count`, behind those that are equal. */
function placeOf(block: usize, count: u32, item: usize, order: Order): u32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAddresses(addressAt(block, middle), item, order) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareAddresses(a: usize, b: usize, order: Order): i32 {
  if (order == Order.Strings) return compareStrings(a, b);
  const x = changetype<Input>(a);
  const y = changetype<Input>(b);
  const first =
    order == Order.InputsByPath
      ? compareStrings(x.derivation, y.derivation)
      : memory.compare(x.hash, y.hash, hashDigits);
  return first != 0 ? first : compareStrings(x.output, y.output);
}
