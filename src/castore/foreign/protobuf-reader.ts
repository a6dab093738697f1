import { CastoreError } from '../error.ts';

/** How a field's value is encoded. Groups, which proto3 does not have, are not read. */
export type WireType = 'varint' | 'fixed64' | 'bytes' | 'fixed32';

const wireTypes: readonly (WireType | undefined)[] = ['varint', 'fixed64', 'bytes', undefined, undefined, 'fixed32'];

const maxFieldNumber = 2 ** 29 - 1;

/** Fields of a protobuf message in whatever order and form its writer chose. Throws `directory/malformed` with the offset. */
export class ProtobufReader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.byteLength) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** In bytes from the beginning of the whole message. */
  get offset(): number {
    return this.#at;
  }

  /** The number and form of the next field, whose value is to be read or skipped; undefined at the end. */
  nextField(): { readonly field: number; readonly wireType: WireType } | undefined {
    if (this.#at === this.#end) return undefined;
    const start = this.#at;
    const key = this.readVarint();
    const field = Math.floor(key / 8);
    const wireType = wireTypes[key % 8];
    if (wireType === undefined || field === 0 || field > maxFieldNumber) throw malformed('no field starts here', start);
    return { field, wireType };
  }

  /** Exact up to 2^53; beyond, only known to be so. */
  readVarint(): number {
    const start = this.#at;
    let value = 0;
    let scale = 1;
    while (this.#at < this.#end && this.#at < start + 10) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw malformed('a number does not end', start);
  }

  /** The bytes that follow, as a reader of their own; shares the memory and the offsets. */
  readMessage(): ProtobufReader {
    const end = this.#readLength();
    const reader = new ProtobufReader(this.#bytes, this.#at, end);
    this.#at = end;
    return reader;
  }

  /** The bytes that follow; shares the memory. */
  readBytes(): Uint8Array {
    const end = this.#readLength();
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** The bytes that follow, one code unit each. */
  readString(): string {
    const end = this.#readLength();
    const text = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end;
    return text;
  }

  skip(wireType: WireType): void {
    if (wireType === 'varint') this.readVarint();
    else if (wireType === 'bytes') this.#at = this.#readLength();
    else this.#advance(wireType === 'fixed32' ? 4 : 8);
  }

  #readLength(): number {
    const start = this.#at;
    const length = this.readVarint();
    if (length > this.#end - this.#at)
      throw malformed(`${length} bytes announced, ${this.#end - this.#at} left`, start);
    return this.#at + length;
  }

  #advance(count: number): void {
    if (count > this.#end - this.#at) throw malformed(`${count} bytes wanted, ${this.#end - this.#at} left`, this.#at);
    this.#at += count;
  }
}

function malformed(message: string, offset: number): CastoreError {
  return new CastoreError('directory/malformed', message, { offset });
}
