import type { ByteString } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { type JsonObject, isJsonObject, jsonTypeOf } from '../json/json-value.ts';
import { parseJson } from '../json/parse-json.ts';
import { structuredAttrsVariable } from './derivation.ts';

/**
 * Reads the value of `__json`. What is written for it later is its canonical form, so other spacing or another order
 * of keys is lost, and with it the hash, as in C++ Nix. Throws `derivation/bad-structured-attrs`.
 */
export function parseStructuredAttrs(text: ByteString): JsonObject {
  let value;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof NixCompatError) throw refuse(error.message, error);
    throw error;
  }
  if (!isJsonObject(value)) throw refuse(`expected an object, found ${jsonTypeOf(value)}`);
  return value;
}

function refuse(reason: string, cause?: NixCompatError): NixCompatError {
  return new NixCompatError(
    'derivation/bad-structured-attrs',
    `cannot process ${structuredAttrsVariable} attribute: ${reason}`,
    { cause },
  );
}
