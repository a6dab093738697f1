/** Number of insertions, deletions and substitutions of a character that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const row = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const substituted = (above[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      row.push(Math.min((above[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1, substituted));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}

const maxSuggestions = 5;
const maxDistance = 2;

// Nothing this far from every name is compared: the distance takes the product of the lengths.
const longestName = 64;

/** The names among `known` that `typed` may have been meant to be, nearest first and then alphabetically. */
export function suggest(known: Iterable<string>, typed: string): string[] {
  if (typed.length > longestName) return [];
  return [...known]
    .map(name => ({ name, distance: editDistance(typed, name) }))
    .filter(({ distance }) => distance <= maxDistance)
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, maxSuggestions)
    .map(({ name }) => name);
}

/** `a`, `one of a or b`, `one of a, b or c`. */
export function formatSuggestions(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `one of ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
