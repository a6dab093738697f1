import { CastoreError } from '../error.ts';
import { type GearState, gearWindow, scanGear } from './gear-scan.ts';

/** How REAPI's FAST_CDC_2020 is parameterised. */
export interface FastCdcParameters {
  /**
   * In bytes, a power of two from 1 KiB to 1 MiB; 512 KiB, which REAPI recommends, unless given. Chunks have a quarter
   * of it to four times as many bytes.
   */
  readonly averageSize?: number;
  /** A 32-bit number that changes where chunks end; 0 unless given. */
  readonly seed?: number;
}

/** Chunk sizes other than those that REAPI derives from the average. */
export interface ChunkBounds {
  readonly minSize: number;
  readonly maxSize: number;
}

const defaultAverageSize = 512 * 1024;

/** REAPI's normalisation level: two bits more decide before the average size is reached, two fewer after it. */
const normalization = 2;

/**
 * Masks of 8 to 22 bits, of which the hash must have none where a chunk ends: one byte in 2^bits is such a place. The
 * figures are those of the paper's implementation, continued as in the implementations that REAPI names.
 */
const masks = new Map<number, bigint>([
  [8, 0x00_0018_0003_5300n],
  [9, 0x00_0190_0035_3000n],
  [10, 0x00_5900_0353_0000n],
  [11, 0x00_d900_0353_0000n],
  [12, 0x00_d901_0353_0000n],
  [13, 0x00_d903_0353_0000n],
  [14, 0x00_d903_1353_0000n],
  [15, 0x00_d90f_0353_0000n],
  [16, 0x00_d903_0353_7000n],
  [17, 0x00_d907_0353_7000n],
  [18, 0x00_d907_0753_7000n],
  [19, 0x00_d917_0753_7000n],
  [20, 0x00_d917_4753_7000n],
  [21, 0x00_d917_6753_7000n],
  [22, 0x00_d937_6753_7000n],
]);

/**
 * Splits bytes into chunks whose ends depend on the bytes around them, so that blobs with equal parts have chunks in
 * common: FastCDC 2020 (Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication Based Storage
 * Systems"), with the gear table, masks, normalisation and sizes of REAPI's FAST_CDC_2020.
 *
 *     const chunker = new FastCdc();
 *     for (const bytes of source) for (const chunk of chunker.push(bytes)) take(chunk);
 *     for (const chunk of chunker.finish()) take(chunk);
 *
 * The chunks do not depend on how the bytes are pushed. A chunk is lent until the next one is asked for, and those of
 * a push are to be taken before the next push. `chunking/bad-parameters` when there is no such chunking.
 */
export class FastCdc {
  readonly minSize: number;
  readonly averageSize: number;
  readonly maxSize: number;
  readonly #strictMask: bigint;
  readonly #laxMask: bigint;
  readonly #gear: GearState;

  /** Bytes not handed out yet: from #start to #end, the hash rolled over them up to #scanned. */
  readonly #bytes: Uint8Array;
  #start = 0;
  #end = 0;
  #scanned: number;

  constructor(parameters: FastCdcParameters = {}, bounds?: ChunkBounds) {
    const { averageSize = defaultAverageSize, seed = 0 } = parameters;
    const bits = Math.log2(averageSize);
    const strict = masks.get(bits + normalization);
    const lax = masks.get(bits - normalization);
    if (strict === undefined || lax === undefined) {
      throw badParameters(`an average size of ${averageSize} bytes, wanted is a power of two from 1 KiB to 1 MiB`);
    }
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) throw badParameters(`the seed ${seed}`);
    const { minSize, maxSize } = bounds ?? { minSize: averageSize / 4, maxSize: averageSize * 4 };
    const ordered = minSize > 0 && minSize <= averageSize && averageSize <= maxSize && maxSize <= 2 ** 30;
    if (!ordered || minSize % 2 !== 0 || !Number.isInteger(maxSize)) {
      throw badParameters(`chunks of ${minSize} to ${maxSize} bytes around ${averageSize}`);
    }
    this.minSize = minSize;
    this.averageSize = averageSize;
    this.maxSize = maxSize;
    this.#strictMask = strict;
    this.#laxMask = lax;
    this.#gear = { seed, hash: 0n };
    this.#bytes = new Uint8Array(maxSize + gearWindow);
    this.#scanned = minSize;
  }

  /** The chunks that end within what was pushed so far. */
  *push(bytes: Uint8Array): Generator<Uint8Array, void> {
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#end === this.#bytes.byteLength) this.#makeRoom();
      const count = Math.min(bytes.byteLength - at, this.#bytes.byteLength - this.#end);
      this.#bytes.set(bytes.subarray(at, at + count), this.#end);
      this.#end += count;
      at += count;
      for (let length = this.#cut(); length !== undefined; length = this.#cut()) yield this.#take(length);
    }
  }

  /** The last chunk, unless there were no bytes at all. Afterwards the chunker can be used for other bytes. */
  *finish(): Generator<Uint8Array, void> {
    const rest = this.#end - this.#start;
    if (rest > 0) yield this.#take(rest);
  }

  /** How long the first chunk is, if it ends within the bytes that are here. */
  #cut(): number | undefined {
    const limit = Math.min(this.#end - this.#start, this.maxSize);
    while (this.#scanned + 1 < limit) {
      const strict = this.#scanned < this.averageSize;
      // Whole pairs of bytes, up to where the other mask begins to hold.
      const pairs = Math.floor((Math.min(limit, strict ? this.averageSize : limit) - this.#scanned) / 2);
      const from = this.#start + this.#scanned;
      const window = this.#bytes.subarray(from, from + Math.min(2 * pairs, gearWindow));
      const found = scanGear(this.#gear, window, strict ? this.#strictMask : this.#laxMask);
      if (found !== undefined) return this.#scanned + found;
      this.#scanned += window.byteLength;
    }
    return limit === this.maxSize ? limit : undefined;
  }

  #take(length: number): Uint8Array {
    const chunk = this.#bytes.subarray(this.#start, this.#start + length);
    this.#start += length;
    this.#scanned = this.minSize;
    this.#gear.hash = 0n;
    return chunk;
  }

  #makeRoom(): void {
    this.#bytes.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }
}

function badParameters(what: string): CastoreError {
  return new CastoreError('chunking/bad-parameters', `there is no chunking with ${what}`);
}
