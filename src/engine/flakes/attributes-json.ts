import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { type InputAttributes, evalError } from '../../eval/index.ts';
import { type JsonObject, type JsonValue, expectObject } from '../../nix-compat/index.ts';

/** The attributes of an input, as registries and lock files have them. Throws `json/wrong-type`, `eval/error`. */
export function attributesFromJson(json: JsonValue): InputAttributes {
  const attributes: InputAttributes = new Map();
  for (const [name, value] of expectObject(json)) {
    const key = displayBytes(name);
    if (typeof value === 'string') attributes.set(key, displayBytes(value));
    else if (typeof value === 'bigint' || typeof value === 'boolean') attributes.set(key, value);
    else throw evalError`unsupported input attribute type in lock file`;
  }
  return attributes;
}

export function attributesAsJson(attributes: InputAttributes): JsonObject {
  return new Map(
    Array.from(attributes, ([name, value]) => {
      return [byteStringFromText(name), typeof value === 'string' ? byteStringFromText(value) : value] as const;
    }),
  );
}
