import type { Sha256 } from '../digest.ts';

const wordsPerHash = 8;

/** Hashes a chunk holds: 2 MiB of them. Chunks are never copied, so growing costs no second set of them. */
const hashesPerChunk = 65_536;

/**
 * A set of SHA-256s in 40 to 50 bytes each, where a `Set` of strings takes 150: the hashes in the order in which they
 * came, and a table with open addressing of their numbers.
 */
export class HashSet {
  readonly #chunks: Uint32Array[] = [];
  #size = 0;
  /** The number of a hash plus one, or 0; a power of two of them. */
  #table = new Uint32Array(1024);
  /**
   * Hashes come from directories that strangers wrote, who could choose them to fall into one place of the table: where
   * one falls is decided by a function drawn at random (multilinear hashing of sixteen halves of words).
   */
  readonly #factors = Float64Array.from(crypto.getRandomValues(new Uint32Array(wordsPerHash * 2)));
  readonly #probe = new Uint32Array(wordsPerHash);
  readonly #probeBytes = Buffer.from(this.#probe.buffer);

  get size(): number {
    return this.#size;
  }

  /** False when it is there already. */
  add(hash: Sha256): boolean {
    this.#probeBytes.write(hash, 0, 'hex');
    const at = this.#find(this.#probe, 0);
    if (this.#table[at] !== 0) return false;
    const chunk = this.#size % hashesPerChunk === 0 ? this.#addChunk() : this.#chunkOf(this.#size);
    chunk.set(this.#probe, (this.#size % hashesPerChunk) * wordsPerHash);
    this.#table[at] = ++this.#size;
    if (this.#size * 4 > this.#table.length * 3) this.#grow();
    return true;
  }

  has(hash: Sha256): boolean {
    this.#probeBytes.write(hash, 0, 'hex');
    return this.#table[this.#find(this.#probe, 0)] !== 0;
  }

  /** As `has`, for the 32 bytes that begin at `at`. */
  hasBytes(bytes: Uint8Array, at: number): boolean {
    for (let i = 0; i < wordsPerHash * 4; i++) this.#probeBytes[i] = bytes[at + i] ?? 0;
    return this.#table[this.#find(this.#probe, 0)] !== 0;
  }

  /** The place in the table of the hash whose words begin at `at`, or else the free one where it would go. */
  #find(words: Uint32Array, at: number): number {
    const mask = this.#table.length - 1;
    let place = this.#placeOf(words, at) & mask;
    for (;;) {
      const number = this.#table[place] ?? 0;
      if (number === 0 || this.#equals(number - 1, words, at)) return place;
      place = (place + 1) & mask;
    }
  }

  /** 32 bits. A product has 48, so that the sum of sixteen is exact; its low bits are the weak ones. */
  #placeOf(words: Uint32Array, at: number): number {
    const factors = this.#factors;
    let sum = 0;
    for (let i = 0; i < wordsPerHash; i++) {
      const word = words[at + i] ?? 0;
      sum += (word & 0xffff) * (factors[2 * i] ?? 0) + (word >>> 16) * (factors[2 * i + 1] ?? 0);
    }
    return Math.floor(sum / 2 ** 16) >>> 0;
  }

  #equals(number: number, words: Uint32Array, at: number): boolean {
    const chunk = this.#chunkOf(number);
    const start = (number % hashesPerChunk) * wordsPerHash;
    for (let i = 0; i < wordsPerHash; i++) if (chunk[start + i] !== words[at + i]) return false;
    return true;
  }

  #chunkOf(number: number): Uint32Array {
    const chunk = this.#chunks[Math.floor(number / hashesPerChunk)];
    if (chunk === undefined) throw new RangeError(`no hash has the number ${number}`);
    return chunk;
  }

  #addChunk(): Uint32Array {
    const chunk = new Uint32Array(hashesPerChunk * wordsPerHash);
    this.#chunks.push(chunk);
    return chunk;
  }

  #grow(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let number = 0; number < this.#size; number++) {
      const at = (number % hashesPerChunk) * wordsPerHash;
      this.#table[this.#find(this.#chunkOf(number), at)] = number + 1;
    }
  }
}
