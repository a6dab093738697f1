import { createHash } from 'node:crypto';

/**
 * The inner loop of FastCDC: rolls the 64-bit gear hash over bytes until masked bits of it are zero. JavaScript has no
 * 64-bit integers, so the loop is WebAssembly, assembled here: 2.1 GB/s, where the best found in JavaScript (32-bit
 * halves, the upper only looked at when the lower matches) is 0.5 GB/s.
 */

/** Bytes that one call of `scanGear` takes. */
export const gearWindow = 64 * 1024;

/** Where things are in the module's memory: two tables of 256 64-bit integers, then the window. */
const gearAt = 0;
const shiftedGearAt = 2048;
const windowAt = 4096;
const pages = Math.ceil((windowAt + gearWindow) / 65536);

// WebAssembly 1.0, section 5 (binary format).
const i32 = 0x7f;
const i64 = 0x7e;
const noValue = 0x40;
const op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalSet: 0x24,
  i64Load: 0x29,
  i32Load8U: 0x2d,
  i32Const: 0x41,
  i64Const: 0x42,
  i64Eqz: 0x50,
  i32GeU: 0x4f,
  i32Add: 0x6a,
  i32Shl: 0x74,
  i64Add: 0x7c,
  i64And: 0x83,
  i64Shl: 0x86,
} as const;

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function section(id: number, contents: readonly number[]): number[] {
  return [id, ...unsigned(contents.length), ...contents];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text, 'latin1')];
}

/**
 * scan(at, end, mask, hash): from `at`, an address in the window, to `end`, an even number of bytes on, two bytes a
 * turn as in section 3.7 of the 2020 paper. Returns the address of the first byte at which `hash & mask` is zero, or `end`;
 * the hash as of then is the global `hash`.
 */
function assemble(): Uint8Array<ArrayBuffer> {
  const [at, end, mask, hash, shiftedMask] = [0, 1, 2, 3, 4];
  /** Pushes the entry that a table has for the byte at `at` and `offset`. */
  const entry = (table: number, offset: number) =>
    [
      [op.localGet, at, op.i32Load8U, 0, offset],
      [op.i32Const, 3, op.i32Shl, op.i64Load, 3, ...unsigned(table)],
    ].flat();
  /** Returns the address of the byte at `offset` if the hash, which is on the stack, has none of the bits of `bits`. */
  const returnIfCut = (bits: number, offset: number) =>
    [
      [op.localTee, hash, op.localGet, bits, op.i64And, op.i64Eqz, op.if, noValue],
      [op.localGet, hash, op.globalSet, 0],
      [op.localGet, at, op.i32Const, offset, op.i32Add, op.return, op.end],
    ].flat();
  const scan = [
    // One local beside the parameters.
    [1, 1, i64],
    [op.localGet, mask, op.i64Const, 1, op.i64Shl, op.localSet, shiftedMask],
    [op.block, noValue, op.loop, noValue],
    [op.localGet, at, op.localGet, end, op.i32GeU, op.brIf, 1],
    // The first byte's step is shifted by one bit, so that one shift by two serves both.
    [op.localGet, hash, op.i64Const, 2, op.i64Shl, ...entry(shiftedGearAt, 0), op.i64Add],
    returnIfCut(shiftedMask, 0),
    [op.localGet, hash, ...entry(gearAt, 1), op.i64Add],
    returnIfCut(mask, 1),
    [op.localGet, at, op.i32Const, 2, op.i32Add, op.localSet, at, op.br, 0],
    [op.end, op.end],
    [op.localGet, hash, op.globalSet, 0, op.localGet, end, op.end],
  ].flat();
  return Uint8Array.from(
    [
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [1, 0x60, 4, i32, i32, i64, i64, 1, i32]),
      section(3, [1, 0]),
      section(5, [1, 0, pages]),
      section(6, [1, i64, 1, op.i64Const, 0, op.end]),
      section(7, [3, ...name('scan'), 0, 0, ...name('memory'), 2, 0, ...name('hash'), 3, 0]),
      section(10, [1, ...unsigned(scan.length), ...scan]),
    ].flat(),
  );
}

interface GearScanModule {
  readonly scan: (at: number, end: number, mask: bigint, hash: bigint) => number;
  readonly hash: { readonly value: bigint };
  readonly memory: { readonly buffer: ArrayBuffer };
}

// The types that Node's declarations lack.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: GearScanModule };
};

/** The module, which every chunker of the thread shares: a memory of its own each would reserve gigabytes of addresses. */
let shared: SharedScanner | undefined;

class SharedScanner {
  readonly #module = new WebAssembly.Instance(new WebAssembly.Module(assemble())).exports;
  readonly #tables = new BigUint64Array(this.#module.memory.buffer, gearAt, 512);
  readonly #window = new Uint8Array(this.#module.memory.buffer, windowAt, gearWindow);
  /** That #tables are made for. */
  #seed: number | undefined;

  scan(state: GearState, bytes: Uint8Array, mask: bigint): number | undefined {
    if (this.#seed !== state.seed) this.#makeTables(state.seed);
    this.#window.set(bytes);
    const end = windowAt + bytes.byteLength;
    const at = this.#module.scan(windowAt, end, mask, state.hash);
    state.hash = this.#module.hash.value;
    return at === end ? undefined : at - windowAt;
  }

  #makeTables(seed: number): void {
    for (let byte = 0; byte < 256; byte++) {
      // As in the paper's implementation: MD5 of 64 times the byte, its first half read as a big-endian integer.
      const gear = createHash('md5').update(Buffer.alloc(64, byte)).digest().readBigUInt64BE() ^ BigInt(seed);
      this.#tables[byte] = gear;
      this.#tables[256 + byte] = gear << 1n;
    }
    this.#seed = seed;
  }
}

/** The gear hash of the bytes so far. */
export interface GearState {
  readonly seed: number;
  hash: bigint;
}

/**
 * Rolls the hash over `bytes`, an even number of them and at most `gearWindow`, up to the first at which it has none
 * of the bits of `mask` (below 2^63); gives that byte's index, or undefined if there is none.
 */
export function scanGear(state: GearState, bytes: Uint8Array, mask: bigint): number | undefined {
  shared ??= new SharedScanner();
  return shared.scan(state, bytes, mask);
}
