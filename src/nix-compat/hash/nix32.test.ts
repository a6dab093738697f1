import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NixCompatError } from '../error.ts';
import { decodeNix32, encodeNix32, findNotNix32, nix32Alphabet, nix32Length } from './nix32.ts';

/** The definition, in big integers: one little-endian number, most significant digit first. */
function model(bytes: Uint8Array): string {
  let number = 0n;
  for (const byte of bytes.toReversed()) number = number * 256n + BigInt(byte);
  let text = '';
  for (let i = 0; i < nix32Length(bytes.length); i++, number /= 32n) {
    text = nix32Alphabet.charAt(Number(number % 32n)) + text;
  }
  return text;
}

describe('nix32', () => {
  // From `nix hash convert --to nix32` of Nix 2.34.8.
  const vectors = [
    ['', ''],
    ['d41d8cd98f00b204e9800998ecf8427e', '3y8bwfr609h3lh9ch0izcqq7fl'],
    ['a9993e364706816aba3e25717850c26c9cd0d89d', 'kpcd173cq987hw957sx6m0868wv3x6d9'],
    [
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s',
    ],
  ] as const;

  for (const [hex, text] of vectors) {
    test(`'${text}'`, () => {
      assert.equal(encodeNix32(Buffer.from(hex, 'hex')), text);
      assert.equal(Buffer.from(decodeNix32(text)).toString('hex'), hex);
    });
  }

  test('agrees with its definition at every length', () => {
    const bytes = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(bytes, value => {
        const text = encodeNix32(value);
        assert.equal(text, model(value));
        assert.deepEqual(Uint8Array.from(decodeNix32(text)), value);
      }),
    );
  });

  test('any text is refused with a code or is the only one for its bytes', () => {
    const unit = fc.oneof(
      fc.constantFrom(...nix32Alphabet.split('')),
      fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 110 }), text => {
        let bytes: Uint8Array;
        try {
          bytes = decodeNix32(text);
        } catch (error) {
          assert.ok(error instanceof NixCompatError);
          return;
        }
        assert.equal(encodeNix32(bytes), text);
      }),
    );
  });

  const refused = [
    ['e', 'hash/bad-character', 0, 'e is left out of the alphabet'],
    ['00A0', 'hash/bad-character', 2, 'upper case is not in the alphabet'],
    ['0000\u0130', 'hash/bad-character', 4, 'beyond the table of 256 values'],
    ['0', 'hash/bad-length', 1, 'five bits are no byte'],
    ['z0', 'hash/bad-padding', 0, 'two digits are ten bits, and the upper two are set'],
  ] as const;

  for (const [text, code, offset, why] of refused) {
    test(`refuses '${text}': ${why}`, () => {
      assert.throws(() => decodeNix32(text), { name: 'NixCompatError', code, offset });
    });
  }

  test('finds the first character outside the alphabet', () => {
    assert.equal(findNotNix32(nix32Alphabet), -1);
    assert.equal(findNotNix32('01o'), 2);
  });
});
