import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, byteStringOf, bytesOf } from '../../base/index.ts';
import { jsonValues, outputNames, readDerivationVector, storePaths } from '../../testing/index.ts';
import {
  type BuildTraceEntry,
  NixCompatError,
  type NixCompatErrorCode,
  PublicKey,
  type Realisation,
  type Signature,
  buildTraceEntryFromJson,
  buildTraceEntryOf,
  buildTraceEntryToJson,
  buildTraceFileName,
  buildTraceValueToJson,
  fingerprintBuildTraceEntry,
  fingerprintRealisation,
  formatJson,
  formatOutputId,
  hashBytes,
  parseJson,
  parseOutputId,
  parseSignature,
  parseStorePath,
  realisationFileName,
  realisationFromJson,
  realisationOf,
  realisationToJson,
  realisedOutputFromJson,
  sortSignatures,
  verifySignature,
} from '../index.ts';

const text = byteStringFromText;
const abc = hashBytes('sha256', Buffer.from('abc'));
const foo = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo');
const bar = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar.drv');
const id = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad!foo';
const zeros = `${'A'.repeat(86)}==`;

const signatureLists: fc.Arbitrary<Signature[]> = fc
  .array(
    fc.record(
      {
        keyName: fc.stringMatching(/^[a-z.-]{1,8}-[0-9]$/),
        bytes: fc.uint8Array({ minLength: 64, maxLength: 64 }).map(bytes => Buffer.from(bytes)),
      },
      { noNullPrototype: true },
    ),
    { maxLength: 3 },
  )
  .map(sortSignatures);

const realisations: fc.Arbitrary<Realisation> = fc
  .record({ data: fc.string(), output: outputNames, path: storePaths, signatures: signatureLists })
  .map(({ data, output, path, signatures }) => {
    const { algorithm, digest } = hashBytes('sha256', Buffer.from(data));
    return { id: { derivationHash: { algorithm, digest: Buffer.from(digest) }, output }, path, signatures };
  });

const refused: readonly (readonly [json: string, code: NixCompatErrorCode, why: string])[] = [
  ['[]', 'json/wrong-type', 'no object'],
  ['{}', 'json/missing-key', 'no id'],
  [`{"id":"x"}`, 'realisation/bad-id', 'an id without an output'],
  [`{"id":"x!out"}`, 'hash/no-algorithm', 'an id without an algorithm'],
  [`{"id":"md4:00!out"}`, 'hash/unknown-algorithm', 'an id of an unknown algorithm'],
  [`{"id":"${id}"}`, 'json/missing-key', 'no path'],
  [`{"id":"${id}","outPath":"/nix/store/${foo}"}`, 'store-path/bad-hash-part', 'a path with its store directory'],
  [`{"id":"${id}","outPath":"${foo}","signatures":{}}`, 'json/wrong-type', 'signatures that are no list'],
  [`{"id":"${id}","outPath":"${foo}","signatures":["x"]}`, 'signature/malformed', 'a signature without a key'],
  [`{"id":"${id}","outPath":"${foo}","signatures":[{}]}`, 'json/missing-key', 'a signature without a name'],
];

describe('realisations', () => {
  const key = PublicKey.parse(readDerivationVector('public-key').trim());
  const keys = new Map([[key.name, key]]);

  for (const line of readDerivationVector('realisations.jsonl').trimEnd().split('\n')) {
    test(`${line.slice(0, 130)}... is written as it was read, and verifies`, () => {
      const realisation = realisationFromJson(parseJson(text(line)));
      assert.equal(formatJson(realisationToJson(realisation)), line);
      const fingerprint = bytesOf(fingerprintRealisation(realisation));
      const [signature] = realisation.signatures;
      assert.ok(signature && verifySignature(keys, fingerprint, signature));
      const { path, signatures } = realisation;
      assert.deepEqual(realisedOutputFromJson(parseJson(text(line))), { path, signatures });
    });
  }

  test('of older Nix lose what they depended on', () => {
    const json = `{"dependentRealisations":{"${id}":"${foo}"},"id":"${id}","outPath":"${foo}"}`;
    const realisation = realisationFromJson(parseJson(text(json)));
    assert.deepEqual(realisation, { id: { derivationHash: abc, output: 'foo' }, path: foo, signatures: [] });
    assert.equal(
      formatJson(realisationToJson(realisation)),
      `{"dependentRealisations":{},"id":"${id}","outPath":"${foo}","signatures":[]}`,
    );
  });

  for (const [json, code, why] of refused) {
    test(`refuse ${why}`, () => {
      assert.throws(() => realisationFromJson(parseJson(text(json))), { name: 'NixCompatError', code });
    });
  }

  test('have a file in a binary cache', () => {
    assert.equal(realisationFileName(parseOutputId(text(id))), `realisations/${id}.doi`);
    const output = text('../../secret');
    assert.throws(() => realisationFileName({ derivationHash: abc, output }), { code: 'realisation/bad-id' });
    assert.throws(() => buildTraceFileName({ derivation: bar, output }), { code: 'realisation/bad-id' });
  });

  test('read back what they wrote', () => {
    fc.assert(
      fc.property(realisations, realisation => {
        assert.deepEqual(realisationFromJson(parseJson(formatJson(realisationToJson(realisation)))), realisation);
        assert.deepEqual(parseOutputId(formatOutputId(realisation.id)), realisation.id);
      }),
    );
  });

  test('take or refuse any JSON and any id', () => {
    const attempt = (parse: () => unknown) => {
      try {
        parse();
      } catch (error) {
        assert.ok(error instanceof NixCompatError, String(error));
      }
    };
    const objects = fc
      .dictionary(fc.constantFrom('id', 'outPath', 'signatures', 'key', 'value'), jsonValues)
      .map(record => new Map(Object.entries(record).map(([name, value]) => [text(name), value])));
    fc.assert(
      fc.property(fc.oneof(jsonValues, objects), json => {
        attempt(() => realisationFromJson(json));
        attempt(() => buildTraceEntryFromJson(json));
        attempt(() => realisedOutputFromJson(json));
      }),
    );
    fc.assert(fc.property(fc.uint8Array().map(byteStringOf), bytes => attempt(() => parseOutputId(bytes))));
  });
});

/** As libstore-tests/data/realisation of C++ Nix 2.35.2 has them. */
describe('the build trace', () => {
  const key = { derivation: bar, output: text('foo') };
  const entry: BuildTraceEntry = { key, path: foo, signatures: [] };
  const signed: BuildTraceEntry = { ...entry, signatures: [parseSignature(`asdf:${zeros}`)] };
  const keyJson = `{"drvPath":"${bar}","outputName":"foo"}`;

  test('is written as Nix 2.35 writes it', () => {
    assert.equal(
      formatJson(buildTraceEntryToJson(entry)),
      `{"key":${keyJson},"value":{"outPath":"${foo}","signatures":[]}}`,
    );
    assert.equal(
      formatJson(buildTraceValueToJson(signed)),
      `{"outPath":"${foo}","signatures":[{"keyName":"asdf","sig":"${zeros}"}]}`,
    );
    assert.equal(fingerprintBuildTraceEntry(signed), `{"key":${keyJson},"value":{"outPath":"${foo}"}}`);
  });

  test('is read with signatures of either form', () => {
    for (const signature of [`"asdf:${zeros}"`, `{"keyName":"asdf","sig":"${zeros}"}`]) {
      const json = `{"key":${keyJson},"value":{"outPath":"${foo}","signatures":[${signature}]}}`;
      assert.deepEqual(buildTraceEntryFromJson(parseJson(text(json))), signed);
    }
  });

  test('has files in a binary cache', () => {
    assert.equal(buildTraceFileName(key), `build-trace-v2/${bar}/foo.doi`);
  });

  test('says what realisations say, unsigned', () => {
    fc.assert(
      fc.property(realisations, storePaths, (realisation, derivation) => {
        const converted = buildTraceEntryOf(realisation, derivation);
        assert.deepEqual(buildTraceEntryFromJson(buildTraceEntryToJson(converted)), converted);
        const back = realisationOf(converted, realisation.id.derivationHash);
        assert.deepEqual(back, { ...realisation, signatures: [] });
      }),
    );
  });
});
