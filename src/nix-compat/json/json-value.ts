import { type ByteString, byteStringFromText } from '../../base/index.ts';

/**
 * JSON as Nix holds it: an integer is exact (`bigint`, -2^63 to 2^64-1), a `number` is what was written with a
 * fraction or exponent or lies beyond that range, and a string is its UTF-8 bytes. Arithmetic types of JavaScript's
 * own JSON would lose all three.
 */
export type JsonValue = null | boolean | bigint | number | ByteString | JsonArray | JsonObject;

export type JsonArray = readonly JsonValue[];

/** The order of the entries carries no meaning: they are written in byte order of their keys. */
export type JsonObject = ReadonlyMap<ByteString, JsonValue>;

export type JsonType = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';

export function isJsonArray(value: JsonValue): value is JsonArray {
  return Array.isArray(value);
}

export function isJsonObject(value: JsonValue): value is JsonObject {
  return value instanceof Map;
}

/** The name of the kind of value, as messages of C++ Nix give it. */
export function jsonTypeOf(value: JsonValue): JsonType {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'bigint' || typeof value === 'number') return 'number';
  if (value === null) return 'null';
  return isJsonArray(value) ? 'array' : 'object';
}

/** An object of the `fields` that are not undefined. */
export function jsonObject(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const object = new Map<ByteString, JsonValue>();
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) object.set(byteStringFromText(key), value);
  }
  return object;
}
