import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { sha256Hasher, sha256Hex } from './sha256.ts';

const samples = [
  new Uint8Array(0),
  Buffer.alloc(0),
  Buffer.from('abc'),
  new Uint8Array([1, 2, 3]).subarray(1),
  new Uint8Array(new ArrayBuffer(4000), 8, 3000),
  Buffer.alloc(5_000_000, 'x'),
];

test('bytes of every kind have the SHA-256 that node:crypto computes', () => {
  for (const bytes of samples) {
    assert.equal(sha256Hex(bytes), createHash('sha256').update(bytes).digest('hex'));
  }
});

test('pieces are hashed as the whole, side by side with others', () => {
  const all = sha256Hasher();
  for (const bytes of samples) {
    const hasher = sha256Hasher();
    for (let at = 0; at < bytes.byteLength; at += 777) hasher.update(bytes.subarray(at, at + 777));
    assert.equal(hasher.digest().toString('hex'), sha256Hex(bytes));
    all.update(bytes);
  }
  assert.equal(all.digest().toString('hex'), sha256Hex(Buffer.concat(samples)));
});
