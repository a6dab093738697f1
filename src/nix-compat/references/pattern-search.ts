/** Bytes to look for. */
export interface Pattern {
  readonly bytes: Uint8Array;
}

export interface Occurrence<P extends Pattern> {
  readonly at: number;
  readonly pattern: P;
}

// Three bytes choose the bucket, five bits of each: enough to tell the digits of Nix32 and letters of paths apart.
const keyBytes = 3;
const buckets = 1 << (keyBytes * 5);

/**
 * Looks for any of a set of patterns, fast where bytes occur that are in none of them: a window as long as the shortest
 * pattern is inspected from its end, and moves past the first such byte it meets. Store-path hashes are 32 characters of
 * an alphabet of 32, so in most data one byte decides on 32. No byte is inspected twice, so hostile data cost a constant
 * factor only.
 */
export class PatternSearch<P extends Pattern> {
  /** 1 for the bytes that occur in patterns. */
  readonly #member = new Uint8Array(256);
  /** 1 for the keys of `#buckets`. */
  readonly #filter = new Uint8Array(buckets);
  /** Patterns by the key of their first bytes, longest first. */
  readonly #buckets = new Map<number, P[]>();
  /** Of the shortest pattern. */
  readonly #window: number;
  /** Leaves out of a key what a short window does not have. */
  readonly #keyMask: number;
  #size = 0;

  /** None of the patterns may be empty. */
  constructor(patterns: Iterable<P>) {
    let shortest = Infinity;
    const all = [...patterns];
    for (const { bytes } of all) {
      shortest = Math.min(shortest, bytes.length);
      for (const byte of bytes) this.#member[byte] = 1;
    }
    this.#window = shortest;
    this.#keyMask = (1 << (Math.min(shortest, keyBytes) * 5)) - 1;
    for (const pattern of all.toSorted((a, b) => b.bytes.length - a.bytes.length)) this.#add(pattern);
  }

  /** Number of patterns. */
  get size(): number {
    return this.#size;
  }

  #add(pattern: P): void {
    const key = keyAt(pattern.bytes, 0) & this.#keyMask;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, [pattern]);
    else bucket.push(pattern);
    this.#filter[key] = 1;
    this.#size++;
  }

  /** Looks for it no longer. */
  remove(pattern: P): void {
    const key = keyAt(pattern.bytes, 0) & this.#keyMask;
    const bucket = this.#buckets.get(key);
    const at = bucket?.indexOf(pattern) ?? -1;
    if (bucket === undefined || at < 0) return;
    bucket.splice(at, 1);
    if (bucket.length === 0) this.#filter[key] = 0;
    this.#size--;
  }

  /** The first occurrence that starts at `from` or later, the longest of those there, or undefined. */
  find(bytes: Uint8Array, from: number): Occurrence<P> | undefined {
    if (this.#size === 0) return undefined;
    const member = this.#member;
    const filter = this.#filter;
    const window = this.#window;
    const keyMask = this.#keyMask;
    const last = bytes.length - window;
    let at = from;
    // The bytes from `at` to before `known` are members.
    let known = from;
    while (at <= last) {
      let i = at + window - 1;
      while (i >= known && member[bytes[i] ?? 0] === 1) i--;
      if (i >= known) {
        known = at + window;
        at = i + 1;
        continue;
      }
      known = at + window;
      let key = keyAt(bytes, at);
      for (;;) {
        if (filter[key & keyMask] === 1) {
          const pattern = this.#matchAt(bytes, at, key);
          if (pattern !== undefined) return { at, pattern };
        }
        if (++at > last) return undefined;
        if (member[bytes[known++] ?? 0] !== 1) break;
        key = (key >>> 5) | (((bytes[at + 2] ?? 0) & 31) << 10);
      }
      at = known;
    }
    return undefined;
  }

  #matchAt(bytes: Uint8Array, at: number, key: number): P | undefined {
    return this.#buckets.get(key & this.#keyMask)?.find(pattern => startsWith(bytes, at, pattern.bytes));
  }
}

function keyAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) & 31) | (((bytes[at + 1] ?? 0) & 31) << 5) | (((bytes[at + 2] ?? 0) & 31) << 10);
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  if (at + prefix.length > bytes.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}
