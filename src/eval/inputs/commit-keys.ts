import { byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type JsonObject,
  expectArray,
  expectKey,
  expectObject,
  expectString,
  formatJson,
  jsonObject,
  parseJson,
} from '../../nix-compat/index.ts';
import { type InputAttributes, requireText, textAttribute } from './input-scheme.ts';

/** An SSH key by one of which a commit must be signed. */
export interface CommitKey {
  /** As C++ Nix names kinds of keys: `ssh-ed25519`, `ssh-rsa`, … */
  readonly type: string;
  /** In base 64. */
  readonly key: string;
}

const usualType = 'ssh-ed25519';

/** The attributes that take the feature `verified-fetches`. */
export const verifyingAttributes: ReadonlySet<string> = new Set(['verifyCommit', 'keytype', 'publicKey', 'publicKeys']);

/** The keys that an input names. Throws `json/…` where they are none. */
export function commitKeysOf(attributes: InputAttributes): readonly CommitKey[] {
  const listed = textAttribute(attributes, 'publicKeys');
  const keys = listed === undefined ? [] : expectArray(parseJson(byteStringFromText(listed))).map(parseKey);
  if (!attributes.has('publicKey')) return keys;
  const type = textAttribute(attributes, 'keytype') ?? usualType;
  return [...keys, { type, key: requireText(attributes, 'publicKey') }];
}

function parseKey(value: Parameters<typeof expectObject>[0]): CommitKey {
  const object = expectObject(value);
  const type = object.get(byteStringFromText('type'));
  return {
    type: type === undefined ? usualType : displayBytes(expectString(type)),
    key: displayBytes(expectString(expectKey(object, 'key'))),
  };
}

/** As the attribute `publicKeys` has them. */
export function formatCommitKeys(keys: readonly CommitKey[]): string {
  const list = keys.map(({ type, key }): JsonObject => {
    return jsonObject({ key: byteStringFromText(key), type: byteStringFromText(type) });
  });
  return displayBytes(formatJson(list));
}
