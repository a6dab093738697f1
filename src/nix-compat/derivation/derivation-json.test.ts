import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import { derivationVectors, jsonValues, readDerivationVector, textDerivations } from '../../testing/index.ts';
import {
  JsonCursor,
  NixCompatError,
  type NixCompatErrorCode,
  defaultStoreDir,
  derivationFromJson,
  derivationToJson,
  derivationsToJson,
  formatDerivation,
  formatJson,
  parseJson,
} from '../index.ts';

const path = '00000000000000000000000000000000-a';
const valid = {
  name: 'x',
  version: 4,
  outputs: { out: {} },
  inputs: { srcs: [], drvs: {} },
  system: 's',
  builder: 'b',
  args: [],
  env: {},
};

function read(json: unknown) {
  return derivationFromJson(parseJson(byteStringFromText(JSON.stringify(json))));
}

/** The derivation but for what is refused, the code, where it is, and why. */
const refused: readonly (readonly [json: unknown, code: NixCompatErrorCode, place: string, why: string])[] = [
  [[], 'json/wrong-type', 'the top', 'no object'],
  [{}, 'json/missing-key', 'the top', 'no name'],
  [{ ...valid, version: 3 }, 'json/bad-version', "'version'", 'an older version'],
  [{ ...valid, version: '4' }, 'json/wrong-type', "'version'", 'a version that is no number'],
  [{ ...valid, version: 4.5 }, 'json/wrong-type', "'version'", 'a version that is no integer'],
  [{ ...valid, outputs: [] }, 'json/wrong-type', "'outputs'", 'outputs that are no object'],
  [{ ...valid, outputs: { out: 1 } }, 'json/wrong-type', "'outputs.out'", 'an output that is no object'],
  [{ ...valid, outputs: { out: { x: 1 } } }, 'derivation/bad-output', "'outputs.out'", 'an output with another key'],
  [
    { ...valid, outputs: { out: { path, method: 'nar' } } },
    'derivation/bad-output',
    "'outputs.out'",
    'an output of two kinds',
  ],
  [{ ...valid, outputs: { out: { '': 1 } } }, 'derivation/bad-output', "'outputs.out'", 'an output with an empty key'],
  [
    { ...valid, outputs: { out: { path: `/nix/store/${path}` } } },
    'store-path/bad-hash-part',
    "'outputs.out.path'",
    'a path with its store directory',
  ],
  [
    { ...valid, outputs: { out: { method: 'tar', hashAlgo: 'sha256' } } },
    'content-address/unknown-method',
    "'outputs.out.method'",
    'an unknown method',
  ],
  [
    { ...valid, outputs: { out: { method: 'nar', hashAlgo: 'md4' } } },
    'hash/unknown-algorithm',
    "'outputs.out.hashAlgo'",
    'an unknown algorithm',
  ],
  [
    { ...valid, outputs: { out: { method: 'nar', hash: 'sha256:00' } } },
    'hash/not-sri',
    "'outputs.out.hash'",
    'a hash that is not SRI',
  ],
  [{ ...valid, inputs: { srcs: [] } }, 'json/missing-key', "'inputs'", 'no input derivations'],
  [
    { ...valid, inputs: { srcs: ['a'], drvs: {} } },
    'store-path/too-short',
    "'inputs.srcs[0]'",
    'a source that is no path',
  ],
  [
    { ...valid, inputs: { srcs: [], drvs: { [path]: ['out'] } } },
    'json/wrong-type',
    `'inputs.drvs.${path}'`,
    'a list of outputs, as in older versions',
  ],
  [
    { ...valid, inputs: { srcs: [], drvs: { [path]: { outputs: ['out'] } } } },
    'json/missing-key',
    `'inputs.drvs.${path}'`,
    'no outputs of outputs',
  ],
  [{ ...valid, args: ['a', null] }, 'json/wrong-type', "'args[1]'", 'an argument that is no text'],
  [{ ...valid, env: { a: 1 } }, 'json/wrong-type', "'env.a'", 'a variable that is no text'],
  [
    { ...valid, structuredAttrs: null },
    'json/wrong-type',
    "'structuredAttrs'",
    'structured attributes that are no object',
  ],
];

describe('derivations as JSON', () => {
  const shown = readDerivationVector('show.json');

  test('are written as `nix derivation show` writes them', () => {
    assert.equal(formatJson(derivationsToJson(derivationVectors())), shown.trimEnd());
  });

  test('are read as `nix derivation add` reads them', () => {
    const members = new JsonCursor(parseJson(shown)).member('derivations').members();
    const derivations = members.map(([name, json]) => [name, derivationFromJson(json.value)] as const);
    assert.deepEqual(new Map<string, unknown>(derivations), derivationVectors());
  });

  for (const [json, code, place, why] of refused) {
    test(`refuses ${why}`, () => {
      assert.throws(
        () => read(json),
        error => {
          assert.ok(error instanceof NixCompatError);
          assert.equal(error.code, code);
          assert.ok(error.message.includes(`(at ${place}`), error.message);
          return true;
        },
      );
    });
  }

  test('ignores keys that are not known', () => {
    assert.deepEqual(read({ ...valid, comment: 1, inputs: { ...valid.inputs, comment: 2 } }), read(valid));
  });

  test('refuses outputs of outputs beyond the limit', () => {
    const nested = (depth: number) => ({
      srcs: [],
      drvs: {
        [path]: Array.from({ length: depth }).reduce<unknown>(
          inner => ({ outputs: [], dynamicOutputs: { o: inner } }),
          { outputs: ['p'], dynamicOutputs: {} },
        ),
      },
    });
    const text = formatDerivation(defaultStoreDir, read({ ...valid, inputs: nested(256) }));
    assert.equal(text.split('"o"').length, 257);
    assert.throws(() => read({ ...valid, inputs: nested(257) }), { code: 'derivation/too-deep' });
  });

  test('cannot be written where they are not UTF-8', () => {
    const derivation = { ...read(valid), builder: byteStringFromLatin1('\u00ff') };
    assert.throws(() => formatJson(derivationToJson(derivation)), { code: 'json/not-utf8' });
  });

  test('read back what they wrote', () => {
    fc.assert(
      fc.property(textDerivations, derivation => {
        assert.deepEqual(derivationFromJson(parseJson(formatJson(derivationToJson(derivation)))), derivation);
      }),
    );
  });

  test('take or refuse any JSON', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...derivationVectors().values()), fc.nat(), jsonValues)
      .map(([derivation, at, value]) => {
        const entries = [...derivationToJson(derivation)];
        return new Map(entries.map(([key, old], i) => [key, i === at % entries.length ? value : old]));
      });
    fc.assert(
      fc.property(fc.oneof(jsonValues, mutated), json => {
        try {
          derivationFromJson(json);
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
    );
  });
});
