import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { digests } from '../testing/index.ts';
import { digestOf, emptyDigest, formatDigest, parseDigest } from './digest.ts';

test('emptyDigest is that of no bytes', () => {
  assert.deepEqual(emptyDigest, digestOf(new Uint8Array(0)));
});

test('every digest comes back from its text, and what is none does not', () => {
  fc.assert(fc.property(digests, digest => assert.deepEqual(parseDigest(formatDigest(digest)), digest)));
  const hash = 'a'.repeat(64);
  for (const text of ['', '/', hash, `${hash}/`, `${hash}/01`, `${hash}/-1`, `${hash}/1/2`, `${hash}/9007199254740992`])
    assert.equal(parseDigest(text), undefined, text);
  for (const text of [`${hash.toUpperCase()}/1`, `${hash}0/1`, ` ${hash}/1`, `${hash}/1\n`])
    assert.equal(parseDigest(text), undefined, text);
});
