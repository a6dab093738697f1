import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf, emptyDigest } from './digest.ts';

test('emptyDigest is that of no bytes', () => {
  assert.deepEqual(emptyDigest, digestOf(new Uint8Array(0)));
});
