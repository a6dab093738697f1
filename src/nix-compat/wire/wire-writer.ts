import type { ByteString } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { padding } from '../nar/phrase.ts';

const initialCapacity = 1024;

/** Writes what WireReader reads, into memory: `take` what has been written and send it. */
export class WireWriter {
  // Messages are many and small: out of Node's pool.
  #buffer = Buffer.allocUnsafe(initialCapacity);
  #used = 0;

  /** Bytes written since `take`. */
  get size(): number {
    return this.#used;
  }

  /** The bytes written so far, which are the caller's now; the writer goes on with none. */
  take(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#buffer = Buffer.allocUnsafe(initialCapacity);
    this.#used = 0;
    return bytes;
  }

  /** Forgets what was written after the first `size` bytes. */
  rewind(size: number): void {
    this.#used = Math.min(size, this.#used);
  }

  /** An integer from 0 to 2^53 - 1. Throws `wire/bad-number`. */
  number(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) throw badNumber(value);
    this.#reserve(8);
    this.#buffer.writeUInt32LE(value % 2 ** 32, this.#used);
    this.#buffer.writeUInt32LE(Math.floor(value / 2 ** 32), this.#used + 4);
    this.#used += 8;
  }

  /** An integer from 0 to 2^64 - 1. Throws `wire/bad-number`. */
  bigint(value: bigint): void {
    if (value < 0n || value >= 2n ** 64n) throw badNumber(value);
    this.#reserve(8);
    this.#used = this.#buffer.writeBigUInt64LE(value, this.#used);
  }

  boolean(value: boolean): void {
    this.number(value ? 1 : 0);
  }

  string(text: ByteString): void {
    this.number(text.length);
    this.#reserve(text.length + 8);
    this.#used += this.#buffer.write(text, this.#used, 'latin1');
    this.#pad(text.length);
  }

  /** As `string`. */
  bytes(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.raw(bytes);
    this.#pad(bytes.length);
  }

  /** Bytes as they are, without length and padding. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length + 8);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** A count and the items. */
  list<T>(items: readonly T[], writeItem: (item: T) => void): void {
    this.number(items.length);
    for (const item of items) writeItem(item);
  }

  /** A count and the pairs. */
  map<K, V>(map: ReadonlyMap<K, V>, writeKey: (key: K) => void, writeValue: (value: V) => void): void {
    this.number(map.size);
    for (const [key, value] of map) {
      writeKey(key);
      writeValue(value);
    }
  }

  /** Zeros after a field of `length` bytes, for which there is room. */
  #pad(length: number): void {
    // One by one: a call of `fill` takes longer than seven of these.
    for (let left = padding(length); left > 0; left--) this.#buffer[this.#used++] = 0;
  }

  #reserve(count: number): void {
    const needed = this.#used + count;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = larger;
  }
}

function badNumber(value: number | bigint): NixCompatError {
  return new NixCompatError('wire/bad-number', `${value} is no number that Nix's protocols can carry`);
}
