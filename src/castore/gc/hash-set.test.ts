import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Sha256, sha256FromBytes, sha256FromHex, sha256ToBytes } from '../digest.ts';
import { HashSet } from './hash-set.ts';

/** Many alike, so that they meet in the table, and the hash whose words are all 0. */
const hashes: fc.Arbitrary<Sha256> = fc.uint8Array({ minLength: 32, maxLength: 32, max: 1 }).map(sha256FromBytes);

test('a HashSet has what a Set has', () => {
  fc.assert(
    fc.property(fc.array(hashes), fc.array(hashes), (added, asked) => {
      const set = new HashSet();
      const model = new Set<Sha256>();
      for (const hash of added) {
        assert.equal(set.add(hash), !model.has(hash));
        model.add(hash);
        assert.equal(set.size, model.size);
      }
      for (const hash of [...added, ...asked]) {
        assert.equal(set.has(hash), model.has(hash));
        const bytes = Buffer.concat([Buffer.alloc(3), sha256ToBytes(hash)]);
        assert.equal(set.hasBytes(bytes, 3), model.has(hash));
      }
    }),
  );
});

const numbered = (number: number, shift: number): Sha256 =>
  sha256FromHex((BigInt(number) << BigInt(shift)).toString(16).padStart(64, '0'));

test('hashes that differ in few bits, wherever they are, are told apart without a search of all', () => {
  const count = 100_000; // more than a chunk
  for (const shift of [0, 15, 128, 236]) {
    const set = new HashSet();
    for (let i = 0; i < count; i++) assert.ok(set.add(numbered(i, shift)));
    for (let i = 0; i < count; i++) assert.ok(set.has(numbered(i, shift)));
    assert.ok(!set.has(numbered(count, shift)));
    assert.equal(set.size, count);
  }
});
