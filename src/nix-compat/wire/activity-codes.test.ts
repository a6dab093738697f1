import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type ActivityResult, byteStringFromText } from '../../base/index.ts';
import {
  activityTypeOf,
  decodeFields,
  decodeResult,
  encodeFields,
  encodeResult,
  verbosityOf,
} from './activity-codes.ts';
import { activityTypes, resultTypes } from './log-message.ts';

const line = byteStringFromText('naïve');
const results: readonly ActivityResult[] = [
  { type: 'progress', done: 1, expected: 2, running: 3, failed: 4 },
  { type: 'setExpected', of: 'copyPath', expected: 2 ** 40 },
  { type: 'fileLinked', bytes: 4096, blocks: 8 },
  { type: 'buildLogLine', line },
  { type: 'postBuildLogLine', line },
  { type: 'untrustedPath', path: '/nix/store/x' },
  { type: 'corruptedPath', path: '/nix/store/x' },
  { type: 'setPhase', phase: 'unpackPhase' },
  { type: 'fetchStatus', text: '99 %' },
];

describe('encodeResult', () => {
  test('has a number for every result, which decodeResult takes back', () => {
    assert.deepEqual(new Set(results.map(({ type }) => resultTypes[type])), new Set(Object.values(resultTypes)));
    for (const result of results) assert.deepEqual(decodeResult(encodeResult(result)), result);
  });

  test('has numbers of 64 bits without sign', () => {
    const { fields } = encodeResult({ type: 'progress', done: -1, expected: NaN, running: Infinity, failed: 1.5 });
    assert.deepEqual(fields, [0n, 0n, 0n, 1n]);
  });
});

test('decodeResult knows no newer types and trusts no fields', () => {
  const fields = fc.array(fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.constant(line)), { maxLength: 5 });
  fc.assert(
    fc.property(fc.integer({ min: 95, max: 115 }), fields, (type, some) => {
      const result = decodeResult({ type, fields: some });
      assert.ok(result === undefined || resultTypes[result.type] === type);
    }),
  );
  assert.equal(decodeResult({ type: resultTypes.progress, fields: [1n, 2n, 3n, line] }), undefined);
});

test('the numbers of activities and levels have names, also those that are newer', () => {
  for (const [name, number] of Object.entries(activityTypes)) assert.equal(activityTypeOf(number), name);
  assert.equal(activityTypeOf(99), 'unknown');
  assert.deepEqual([0, 3, 7, 8].map(verbosityOf), ['error', 'info', 'vomit', 'vomit']);
});

test('fields of activities come back', () => {
  assert.deepEqual(decodeFields(encodeFields(['/nix/store/x', '', 1, 1])), ['/nix/store/x', '', 1, 1]);
  assert.deepEqual(encodeFields(undefined), []);
});
