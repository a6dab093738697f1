import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hashAlgorithms, hashSize } from './algorithm.ts';
import { formatHash } from './hash-format.ts';
import { compressHash, equalHashes, makeHash, zeroHash } from './hash.ts';
import { Hasher, hashBytes } from './hasher.ts';

// RFC 1321, 3174, 4634 and the BLAKE3 of the same text.
const ofAbc = {
  md5: '900150983cd24fb0d6963f7d28e17f72',
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha512:
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  blake3: '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
};

describe('hashing', () => {
  for (const algorithm of hashAlgorithms) {
    test(`${algorithm} of 'abc'`, () => {
      const hash = hashBytes(algorithm, Buffer.from('abc'));
      assert.equal(formatHash(hash, 'base16'), ofAbc[algorithm]);
      assert.equal(hash.digest.byteLength, hashSize(algorithm));
    });

    test(`${algorithm} in pieces`, () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), pieces => {
          const hasher = new Hasher(algorithm);
          for (const piece of pieces) hasher.update(piece);
          const whole = Buffer.concat(pieces);
          assert.equal(hasher.size, whole.length);
          assert.ok(equalHashes(hasher.finish(), hashBytes(algorithm, whole)));
        }),
        { numRuns: 30 },
      );
    });
  }

  test('hashes of other algorithms are never equal', () => {
    assert.equal(equalHashes(zeroHash('sha256'), zeroHash('blake3')), false);
    assert.equal(equalHashes(zeroHash('sha256'), zeroHash('sha256')), true);
  });

  test('compressHash folds', () => {
    const hash = makeHash(
      'sha1',
      Uint8Array.from({ length: 20 }, (_, i) => 1 << (i % 8)),
    );
    assert.deepEqual([...compressHash(hash, 8).digest], [1, 2, 4, 8, 0, 0, 0, 0]);
    assert.deepEqual([...compressHash(hash, 20).digest], [...hash.digest]);
  });

  test('makeHash refuses a digest of another size', () => {
    assert.throws(() => makeHash('sha256', new Uint8Array(20)), { code: 'hash/bad-length' });
  });
});
