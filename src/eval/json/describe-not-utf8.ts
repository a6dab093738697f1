import { continuations } from './utf8.ts';

/** What is wrong with bytes that are not UTF-8, as C++ Nix's library for JSON says it. */
export function describeNotUtf8(bytes: Uint8Array): string | undefined {
  for (let at = 0; at < bytes.length; at++) {
    const first = bytes[at] ?? 0;
    if (first < 0x80) continue;
    const ranges = continuations(first);
    if (ranges === undefined) return describeByte(at, first);
    for (const [low, high] of ranges) {
      const last = bytes[at] ?? 0;
      const byte = bytes[++at];
      if (byte === undefined) return `incomplete UTF-8 string; last byte: 0x${hex(last)}`;
      if (byte < low || byte > high) return describeByte(at, byte);
    }
  }
  return undefined;
}

function describeByte(index: number, byte: number): string {
  return `invalid UTF-8 byte at index ${index}: 0x${hex(byte)}`;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
