import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { byteStringFromText, byteStringOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { expectKey, expectObject } from '../json/expect-json.ts';
import { formatJson } from '../json/format-json.ts';
import type { JsonObject, JsonValue } from '../json/json-value.ts';
import { parseJson } from '../json/parse-json.ts';
import { defaultStoreDir, parseStoreDir, parseStorePathIn } from '../store-path/store-dir.ts';
import { type StorePath, parseStorePath } from '../store-path/store-path.ts';
import { parseNarInfo } from './narinfo.ts';
import { narInfoFromJson, parsePathInfoJsonFormat, pathInfoFromJson, pathInfoToJson } from './path-info-json.ts';

function read(name: string): Buffer {
  return readFileSync(new URL(`../../../test/vectors/${name}`, import.meta.url));
}

const otherStoreDir = parseStoreDir('/tmp/vectors/store');
const vectors = [
  ['deriver-cached', otherStoreDir],
  ['deriver-local', otherStoreDir],
  ['signed-cached', defaultStoreDir],
] as const;

/** The one path in what `nix path-info --json` printed. */
function onlyEntry(storeDir: typeof defaultStoreDir, name: string, format: 1 | 2): readonly [StorePath, JsonObject] {
  const whole = expectObject(parseJson(byteStringOf(read(`path-info/${name}-v${format}.json`))));
  const infos = format === 1 ? whole : expectObject(expectKey(whole, 'info'));
  const [entry] = infos;
  assert.ok(entry !== undefined);
  const path = format === 1 ? parseStorePathIn(storeDir, entry[0]) : parseStorePath(entry[0]);
  return [path, expectObject(entry[1])];
}

function set(json: JsonObject, key: string, value: JsonValue | undefined): JsonObject {
  const changed = new Map(json);
  if (value === undefined) changed.delete(byteStringFromText(key));
  else changed.set(byteStringFromText(key), value);
  return changed;
}

describe('JSON of path infos', () => {
  for (const [name, storeDir] of vectors) {
    for (const format of [1, 2] as const) {
      test(`${name}, format ${format}: is written as it was read`, () => {
        const [path, json] = onlyEntry(storeDir, name, format);
        const fromJson = name.endsWith('cached') ? narInfoFromJson : pathInfoFromJson;
        const info = fromJson(storeDir, path, json);
        assert.equal(formatJson(pathInfoToJson(storeDir, info, { format })), formatJson(json));
      });
    }
  }

  for (const [name, storeDir] of [
    ['deriver', otherStoreDir],
    ['signed', defaultStoreDir],
  ] as const) {
    test(`${name}: says what the narinfo says`, () => {
      const info = parseNarInfo(storeDir, read(`narinfo/${name}.narinfo`), { source: name });
      for (const format of [1, 2] as const) {
        const [path, json] = onlyEntry(storeDir, `${name}-cached`, format);
        assert.equal(path, info.path);
        assert.equal(formatJson(pathInfoToJson(storeDir, info, { format })), formatJson(json));
      }
    });
  }

  test('pure leaves out what says nothing of the object', () => {
    const [path, json] = onlyEntry(defaultStoreDir, 'signed-cached', 1);
    const info = narInfoFromJson(defaultStoreDir, path, json);
    const keys = [...pathInfoToJson(defaultStoreDir, info, { format: 1, pure: true }).keys()].toSorted();
    assert.deepEqual(keys, ['ca', 'narHash', 'narSize', 'references', 'storeDir', 'version']);
  });

  test('without a version it is the first', () => {
    const [path, json] = onlyEntry(defaultStoreDir, 'signed-cached', 1);
    const bare = set(set(json, 'version', undefined), 'storeDir', undefined);
    assert.equal(pathInfoFromJson(defaultStoreDir, path, bare).narSize, 208);
  });

  test('knows two formats', () => {
    assert.throws(() => parsePathInfoJsonFormat(3), {
      code: 'path-info/unknown-format',
      message: 'unsupported path info JSON format version 3; supported versions are 1 and 2',
    });
  });

  const refused: readonly (readonly [1 | 2, string, JsonValue | undefined, string])[] = [
    [1, 'version', 3n, 'path-info/unknown-format'],
    [1, 'storeDir', byteStringFromText('/other'), 'path-info/other-store-dir'],
    [2, 'storeDir', undefined, 'json/missing-key'],
    [1, 'narHash', undefined, 'json/missing-key'],
    [1, 'narHash', byteStringFromText('sha256:00'), 'hash/not-sri'],
    [1, 'narSize', -1n, 'json/wrong-type'],
    [1, 'narSize', 2n ** 60n, 'json/wrong-type'],
    [1, 'narSize', 1.5, 'json/wrong-type'],
    [1, 'references', null, 'json/wrong-type'],
    [1, 'references', [null], 'json/wrong-type'],
    [2, 'references', [byteStringFromText('x')], 'store-path/too-short'],
    [1, 'ca', undefined, 'json/missing-key'],
    [2, 'ca', byteStringFromText('text:sha256:00'), 'json/wrong-type'],
    [2, 'ca', new Map(), 'json/missing-key'],
    [1, 'signatures', [byteStringFromText('x')], 'signature/malformed'],
    [1, 'ultimate', 1n, 'json/wrong-type'],
    [1, 'url', 1n, 'json/wrong-type'],
  ];
  for (const [format, key, value, code] of refused) {
    const shown = value === undefined ? 'missing' : formatJson(value);
    test(`refuses format ${format} with ${key} ${shown}: ${code}`, () => {
      const [path, json] = onlyEntry(defaultStoreDir, 'signed-cached', format);
      assert.throws(
        () => narInfoFromJson(defaultStoreDir, path, set(json, key, value)),
        (error: unknown) => error instanceof NixCompatError && error.code === code,
      );
    });
  }
});
