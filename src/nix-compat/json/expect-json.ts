import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { formatJson } from './format-json.ts';
import {
  type JsonArray,
  type JsonObject,
  type JsonType,
  type JsonValue,
  isJsonArray,
  isJsonObject,
  jsonTypeOf,
} from './json-value.ts';

/** The value of `key`. Throws `json/missing-key`. */
export function expectKey(object: JsonObject, key: string): JsonValue {
  const value = object.get(byteStringFromText(key));
  if (value !== undefined) return value;
  const message = `Expected JSON object to contain key '${key}' but it doesn't: ${shown(object)}`;
  throw new NixCompatError('json/missing-key', message);
}

/** Throws `json/wrong-type`, as the others here do. */
export function expectObject(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw wrongType(value, 'object');
}

export function expectArray(value: JsonValue): JsonArray {
  if (isJsonArray(value)) return value;
  throw wrongType(value, 'array');
}

export function expectString(value: JsonValue): ByteString {
  if (typeof value === 'string') return value;
  throw wrongType(value, 'string');
}

export function expectBoolean(value: JsonValue): boolean {
  if (typeof value === 'boolean') return value;
  throw wrongType(value, 'boolean');
}

/** A count that JavaScript can hold: an integer from 0 to 2^53 - 1. */
export function expectCount(value: JsonValue): number {
  if (typeof value === 'bigint' && value >= 0n && value <= Number.MAX_SAFE_INTEGER) return Number(value);
  const type =
    typeof value === 'bigint' && value >= 0n
      ? 'too large number'
      : typeof value === 'bigint'
        ? 'signed integral number'
        : typeof value === 'number'
          ? 'floating point number'
          : jsonTypeOf(value);
  const message = `Expected JSON value to be an unsigned integral number but it is of type '${type}': ${shown(value)}`;
  throw new NixCompatError('json/wrong-type', message);
}

function wrongType(value: JsonValue, expected: JsonType): NixCompatError {
  const found = jsonTypeOf(value);
  const message = `Expected JSON value to be of type '${expected}' but it is of type '${found}': ${shown(value)}`;
  return new NixCompatError('json/wrong-type', message);
}

function shown(value: JsonValue): string {
  return excerpt(displayBytes(formatJson(value)));
}
