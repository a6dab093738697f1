import { type StorePath, storePathHashLength, storePathHashPart } from '../store-path/store-path.ts';
import { type Pattern, PatternSearch } from './pattern-search.ts';

interface HashPart extends Pattern {
  readonly text: string;
}

/** What of a chunk has to be kept for the next: a hash part that begins in it may end there. */
const overlap = storePathHashLength - 1;

/** Finds which of some store paths' hash parts occur in bytes that come in pieces. What precedes or follows them does not matter. */
export class ReferenceScanner {
  readonly #search: PatternSearch<HashPart>;
  readonly #found = new Set<string>();
  /** The last bytes so far, `#tailSize` of at most `overlap`, and room for the first of the next chunk. */
  readonly #seam = new Uint8Array(2 * overlap);
  #tailSize = 0;

  constructor(hashParts: Iterable<string>) {
    this.#search = new PatternSearch(
      Array.from(new Set(hashParts), text => ({ text, bytes: Buffer.from(text, 'latin1') })),
    );
  }

  /** The hash parts found so far. */
  get found(): ReadonlySet<string> {
    return this.#found;
  }

  update(chunk: Uint8Array): void {
    if (this.#search.size === 0) return;
    const head = chunk.subarray(0, overlap);
    this.#seam.set(head, this.#tailSize);
    const seamSize = this.#tailSize + head.length;
    this.#scan(this.#seam.subarray(0, seamSize));
    if (chunk.length > overlap) {
      this.#scan(chunk);
      this.#seam.set(chunk.subarray(chunk.length - overlap));
      this.#tailSize = overlap;
    } else {
      const excess = Math.max(0, seamSize - overlap);
      this.#seam.copyWithin(0, excess, seamSize);
      this.#tailSize = seamSize - excess;
    }
  }

  #scan(bytes: Uint8Array): void {
    let next = this.#search.find(bytes, 0);
    while (next !== undefined) {
      this.#found.add(next.pattern.text);
      this.#search.remove(next.pattern);
      next = this.#search.find(bytes, next.at + 1);
    }
  }
}

/** Those of `paths` whose hash part is among `hashParts`, in their order. */
export function filterByHashPart(paths: Iterable<StorePath>, hashParts: ReadonlySet<string>): StorePath[] {
  return Array.from(paths).filter(path => hashParts.has(storePathHashPart(path)));
}
