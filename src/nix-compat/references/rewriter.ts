import { type ByteString, bytesOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { type Pattern, PatternSearch } from './pattern-search.ts';

interface Rewrite extends Pattern {
  readonly to: Uint8Array;
}

/**
 * Replaces strings by others of the same length in bytes that come in pieces. Strings are replaced where they begin
 * first, of several the longest; what was written is not looked at again, so rewrites may swap two strings.
 *
 * `finish` has to be called last: the bytes that may yet begin a string are held back until then.
 */
export class Rewriter {
  readonly #search: PatternSearch<Rewrite>;
  readonly #sink: (chunk: Uint8Array) => void;
  /** Of the longest string. */
  readonly #longest: number;
  #buffer = Buffer.alloc(0);
  /** Bytes at the start of `#buffer` of which it is not known yet whether a string begins there. */
  #held = 0;

  /**
   * `sink` gets the rewritten bytes, in chunks that are lent to it. Throws `references/unequal-length` or
   * `references/empty-string`.
   */
  constructor(rewrites: Iterable<readonly [from: ByteString, to: ByteString]>, sink: (chunk: Uint8Array) => void) {
    const patterns = Array.from(rewrites, ([from, to]) => checkRewrite(from, to));
    this.#search = new PatternSearch(patterns);
    this.#longest = patterns.reduce((longest, { bytes }) => Math.max(longest, bytes.length), 1);
    this.#sink = sink;
  }

  update(chunk: Uint8Array): void {
    const size = this.#held + chunk.length;
    if (this.#buffer.length < size) {
      const grown = Buffer.allocUnsafe(size);
      this.#buffer.copy(grown, 0, 0, this.#held);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#held);
    this.#rewrite(size, size - this.#longest + 1);
  }

  finish(): void {
    this.#rewrite(this.#held, this.#held);
  }

  /** Decides on the strings that begin before `end`, and passes on what is decided of the buffer's first `size` bytes. */
  #rewrite(size: number, end: number): void {
    const bytes = this.#buffer.subarray(0, size);
    let decided = 0;
    for (let next = this.#search.find(bytes, 0); next !== undefined && next.at < end;) {
      bytes.set(next.pattern.to, next.at);
      decided = next.at + next.pattern.to.length;
      next = this.#search.find(bytes, decided);
    }
    decided = Math.max(decided, end);
    if (decided > 0) this.#sink(bytes.subarray(0, decided));
    bytes.copyWithin(0, decided);
    this.#held = size - decided;
  }
}

function checkRewrite(from: ByteString, to: ByteString): Rewrite {
  if (from === '') throw new NixCompatError('references/empty-string', 'cannot rewrite the empty string');
  if (from.length !== to.length) {
    const message = `cannot rewrite '${excerpt(from)}' to '${excerpt(to)}': they differ in length`;
    throw new NixCompatError('references/unequal-length', message);
  }
  return { bytes: bytesOf(from), to: bytesOf(to) };
}
