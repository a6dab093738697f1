import { type ByteString, brandAs } from '../base/index.ts';

/** Reads and writes the memory of a core. Addresses are those of the core's objects (src/core/value.ts, string.ts). */
export class CoreMemory {
  readonly #memory: WebAssembly.Memory;
  #view: DataView;
  #bytes: Buffer;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer);
    this.#bytes = Buffer.from(memory.buffer);
  }

  /** To be called when the memory has grown, which replaces its buffer: looking each time would cost as much as reading. */
  refresh(): void {
    this.#view = new DataView(this.#memory.buffer);
    this.#bytes = Buffer.from(this.#memory.buffer);
  }

  u32(address: number): number {
    return this.#view.getUint32(address, true);
  }

  setU32(address: number, value: number): void {
    this.#view.setUint32(address, value, true);
  }

  u64(address: number): bigint {
    return this.#view.getBigUint64(address, true);
  }

  setU64(address: number, value: bigint): void {
    this.#view.setBigUint64(address, value, true);
  }

  /** Of the whole memory, in bytes. */
  get size(): number {
    return this.#view.byteLength;
  }

  i64(address: number): bigint {
    return this.#view.getBigInt64(address, true);
  }

  f64(address: number): number {
    return this.#view.getFloat64(address, true);
  }

  /** Bytes as they are there: lent, and gone when the memory grows. */
  bytes(address: number, length: number): Buffer {
    return this.#bytes.subarray(address, address + length);
  }

  setBytes(address: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, address);
  }

  setByteString(address: number, text: ByteString): void {
    this.#bytes.write(text, address, 'latin1');
  }

  /** The contents of a StringObject. */
  string(address: number): ByteString {
    const start = address + stringHeader;
    return brandAs<ByteString>(this.#bytes.toString('latin1', start, start + this.u32(address)));
  }

  /** The context of a StringObject: address of a ContextObject, or 0. */
  contextOf(address: number): number {
    return this.u32(address + 4);
  }

  /** A text of the program: UTF-16, its length in bytes in front of it. */
  text(address: number): string {
    return this.bytes(address, this.u32(address - 4)).toString('utf16le');
  }
}

export const stringHeader = 8;
