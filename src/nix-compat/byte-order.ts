/** `map`'s entries in byte order of their keys; `map` itself where they are in that order. */
export function entriesInByteOrder<K extends string, V>(map: ReadonlyMap<K, V>): Iterable<readonly [K, V]> {
  return isAscending(map.keys()) ? map : [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** `map` with its entries in byte order of their keys: itself where they are. */
export function mapInByteOrder<K extends string, V>(map: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  return isAscending(map.keys()) ? map : new Map(entriesInByteOrder(map));
}

/** The distinct `items` in byte order; `items` itself where it is that already. */
export function setInByteOrder<T extends string>(items: readonly T[]): readonly T[] {
  // The default order of `toSorted` is that of code units, which are bytes here.
  return isAscending(items) ? items : [...new Set(items)].toSorted();
}

function isAscending(items: Iterable<string>): boolean {
  let previous: string | undefined;
  for (const item of items) {
    if (previous !== undefined && previous >= item) return false;
    previous = item;
  }
  return true;
}
