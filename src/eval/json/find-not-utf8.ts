import { type ByteString, bytesOf } from '../../base/index.ts';
import { type JsonValue, isJsonArray, isJsonObject } from '../../nix-compat/index.ts';
import { continuations } from './utf8.ts';

/** What is wrong with the first string of a value that is not UTF-8, in the order in which the value is written. */
export function findNotUtf8(value: JsonValue): string | undefined {
  if (typeof value === 'string') return describeNotUtf8(value);
  if (isJsonArray(value)) {
    for (const element of value) {
      const found = findNotUtf8(element);
      if (found !== undefined) return found;
    }
  } else if (isJsonObject(value)) {
    for (const [name, member] of value) {
      const found = describeNotUtf8(name) ?? findNotUtf8(member);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function describeNotUtf8(text: ByteString): string | undefined {
  const bytes = bytesOf(text);
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
