import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignDigestOf } from '../../castore/index.ts';
import { blobResource, digestOfMessage, messageOfDigest, requestedFunction } from './digest-message.ts';

test('a digest function is the one that is named, or the one that the hash is of', () => {
  assert.equal(requestedFunction(9, 'f'.repeat(64)), 'blake3');
  assert.equal(requestedFunction(0, 'f'.repeat(64)), 'sha256');
  assert.equal(requestedFunction(0, 'f'.repeat(40)), 'sha1');
  assert.equal(requestedFunction(0, 'f'.repeat(128)), 'sha512');
  assert.throws(() => requestedFunction(0, 'f'.repeat(30)), { code: 'digest/unknown-function' });
  assert.throws(() => requestedFunction(4, 'f'.repeat(64)), { code: 'digest/unknown-function', message: /number 4/ });
});

test('digests of messages are checked where they enter', () => {
  const digest = foreignDigestOf(Buffer.from('x'), 'blake3');
  assert.deepEqual(digestOfMessage(messageOfDigest(digest), 'blake3', 'a digest'), digest);
  for (const [message, error] of [
    [undefined, /^the root is missing$/],
    [{ hash: 'x', sizeBytes: 1n }, /^the root is no sha256 digest: 'x', 1 bytes$/],
    [{ hash: 'F'.repeat(64), sizeBytes: 1n }, /is no sha256 digest/],
    [{ hash: 'f'.repeat(64), sizeBytes: -1n }, /is no sha256 digest/],
    [{ hash: 'f'.repeat(64), sizeBytes: 2n ** 62n }, /is no sha256 digest/],
  ] as const)
    assert.throws(() => digestOfMessage(message, 'sha256', 'the root'), { code: 'digest/malformed', message: error });
});

test('a resource name has the digest function that a length does not tell', () => {
  const hash = 'f'.repeat(64);
  assert.equal(blobResource({ function: 'sha256', hash, size: 3 }), `blobs/${hash}/3`);
  assert.equal(blobResource({ function: 'blake3', hash, size: 3 }), `blobs/blake3/${hash}/3`);
});
