/** A protobuf field: its number, and bytes or a number. */
export type WireField = readonly [number: number, value: Uint8Array | number];

/** The message of `fields`, in their order. As proto3 has it, a number 0 is left out; written by the plainest means. */
export function encodeWire(fields: readonly WireField[]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number')
        return value === 0 ? Buffer.of() : Buffer.concat([varint(number << 3), varint(value)]);
      return Buffer.concat([varint((number << 3) | 2), varint(value.byteLength), value]);
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.of(...bytes, Number(rest));
}
