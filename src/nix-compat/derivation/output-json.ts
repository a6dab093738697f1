import { type ByteString, brandAs, unreachable } from '../../base/index.ts';
import { parseHashAlgorithm } from '../hash/algorithm.ts';
import { formatHash, parseSri } from '../hash/hash-format.ts';
import { expectString } from '../json/expect-json.ts';
import type { JsonCursor } from '../json/json-cursor.ts';
import { type JsonObject, jsonObject } from '../json/json-value.ts';
import { type ContentAddressKind, parseContentAddressMethod } from '../store-path/content-address.ts';
import { parseStorePath } from '../store-path/store-path.ts';
import type { DerivationOutput } from './derivation.ts';

/** As `nix derivation show` shows an output: which keys there are tells its kind. */
export function outputToJson(output: DerivationOutput): JsonObject {
  switch (output.kind) {
    case 'input-addressed':
      return jsonObject({ path: brandAs<ByteString>(output.path) });
    case 'fixed': {
      const { method, hash } = output.address;
      return jsonObject({ method: brandAs<ByteString>(method), hash: brandAs<ByteString>(formatHash(hash, 'sri')) });
    }
    case 'floating':
      return kindToJson(output);
    case 'impure':
      return new Map([...kindToJson(output), ...jsonObject({ impure: true })]);
    case 'deferred':
      return new Map();
    default:
      return unreachable(output);
  }
}

function kindToJson({ method, algorithm }: ContentAddressKind): JsonObject {
  return jsonObject({ method: brandAs<ByteString>(method), hashAlgo: brandAs<ByteString>(algorithm) });
}

/** Throws `derivation/bad-output` for other keys than those of a kind, or what the values throw. */
export function outputFromJson(json: JsonCursor): DerivationOutput {
  const keys = json.members().map(([key]) => String(key));
  switch (keys.toSorted().join(' ')) {
    case 'path':
      return {
        kind: 'input-addressed',
        path: json.member('path').read(value => parseStorePath(expectString(value))),
      };
    case 'hash method': {
      const hash = json.member('hash').read(value => parseSri(expectString(value)));
      return { kind: 'fixed', address: { method: methodFromJson(json), hash } };
    }
    case 'hashAlgo method':
      return { kind: 'floating', ...kindFromJson(json) };
    case 'hashAlgo impure method':
      return { kind: 'impure', ...kindFromJson(json) };
    case '':
      if (keys.length === 0) return { kind: 'deferred' };
  }
  throw json.refuse('derivation/bad-output', 'invalid JSON for derivation output');
}

function kindFromJson(json: JsonCursor): ContentAddressKind {
  return {
    method: methodFromJson(json),
    algorithm: json.member('hashAlgo').read(value => parseHashAlgorithm(expectString(value))),
  };
}

function methodFromJson(json: JsonCursor): ContentAddressKind['method'] {
  return json.member('method').read(value => parseContentAddressMethod(expectString(value)));
}
