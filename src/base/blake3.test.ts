import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { blake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import { Blake3 } from './blake3.ts';

function digest(bytes: Uint8Array, cuts: readonly number[] = []): Uint8Array {
  const state = new Blake3();
  let at = 0;
  for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
    state.update(bytes.subarray(at, cut));
    at = Math.max(at, cut);
  }
  return Uint8Array.from(state.digest());
}

function sequence(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

describe('Blake3', () => {
  test('IETF', () => {
    // From the appendix of draft-aumasson-blake3-00.
    const hex = '83a2de1ee6f4e6ab686889248f4ec0cf4cc5709446a682ffd1cbb4d6165181e2';
    assert.equal(Buffer.from(digest(Buffer.from('IETF'))).toString('hex'), hex);
  });

  // Around a block, a chunk, and trees of every shape up to four levels.
  const sizes = [
    0,
    1,
    63,
    64,
    65,
    1023,
    1024,
    1025,
    ...Array.from({ length: 16 }, (_, i) => (i + 2) * 1024 + (i % 3) - 1),
  ];
  for (const size of sizes) {
    test(`${size} bytes, as an independent implementation`, () => {
      const bytes = sequence(size);
      assert.deepEqual(digest(bytes), blake3(bytes));
    });
  }

  test('does not depend on how the input is cut', () => {
    const bytes = sequence(9000);
    const expected = blake3(bytes);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), cuts =>
        assert.deepEqual(digest(bytes, cuts), expected),
      ),
    );
  });

  test('reads a view at its own offset', () => {
    const whole = sequence(5000);
    assert.deepEqual(digest(whole.subarray(3, 4203)), blake3(whole.slice(3, 4203)));
  });
});
