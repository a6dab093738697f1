import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NixCompatError } from '../error.ts';
import { type HashAlgorithm, hashAlgorithms, hashSize } from './algorithm.ts';
import {
  formatHash,
  hashFormats,
  parseHash,
  parseHashFormat,
  parseHashWithFormat,
  parsePrefixedHash,
  parseSri,
  parseUnprefixedHash,
} from './hash-format.ts';
import { type NixHash, equalHashes, makeHash } from './hash.ts';
import { hashBytes } from './hasher.ts';

const abc = hashBytes('sha256', Buffer.from('abc'));
const abcHex = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const abcBase64 = 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=';

const anyHash: fc.Arbitrary<NixHash> = fc
  .constantFrom(...hashAlgorithms)
  .chain(algorithm =>
    fc
      .uint8Array({ minLength: hashSize(algorithm), maxLength: hashSize(algorithm) })
      .map(digest => makeHash(algorithm, digest)),
  );

describe('hash formats', () => {
  test('all of one hash', () => {
    assert.equal(formatHash(abc, 'base16', { prefix: true }), `sha256:${abcHex}`);
    assert.equal(formatHash(abc, 'nix32'), '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s');
    assert.equal(formatHash(abc, 'base64'), abcBase64);
    assert.equal(formatHash(abc, 'sri'), `sha256-${abcBase64}`);
  });

  test('every hash comes back from every format, and the format is recognised', () => {
    fc.assert(
      fc.property(anyHash, fc.constantFrom(...hashFormats), fc.boolean(), (hash, format, prefix) => {
        const text = formatHash(hash, format, { prefix });
        const parsed = parseHashWithFormat(text, hash.algorithm);
        assert.ok(equalHashes(parsed.hash, hash));
        assert.equal(parsed.format, format);
        if (format !== 'sri' && !prefix) assert.ok(equalHashes(parseUnprefixedHash(text, hash.algorithm), hash));
        if (format === 'sri') assert.ok(equalHashes(parseSri(text), hash));
        if (format === 'sri' || prefix) assert.ok(equalHashes(parsePrefixedHash(text), hash));
      }),
    );
  });

  test('accepts what C++ Nix accepts', () => {
    for (const text of [
      `sha256:${abcHex.toUpperCase()}`,
      `sha256-${abcBase64.slice(0, -1)}`,
      `sha256-${abcBase64}?options`,
      `sha256-${abcBase64.slice(0, 7)}\n${abcBase64.slice(7)}`,
      `sha256:${abcBase64}`,
    ]) {
      assert.ok(equalHashes(parseHash(text), abc), text);
    }
  });

  test('names of formats', () => {
    assert.equal(parseHashFormat('base32'), 'nix32');
    for (const format of hashFormats) assert.equal(parseHashFormat(format), format);
    assert.throws(() => parseHashFormat('sha0042'), {
      code: 'hash/unknown-format',
      message: "unknown hash format 'sha0042', expect 'base16', 'base32', 'base64', or 'sri'",
    });
  });

  // Messages are those of `nix hash convert` of Nix 2.34.8.
  const unknown = "expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'";
  const nix32 = '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5';
  const refused: readonly (readonly [string, HashAlgorithm | undefined, string, number, string])[] = [
    ['sha256:zz', undefined, 'hash/bad-length', 7, "hash 'zz' has wrong length for hash algorithm 'sha256'"],
    ['sha256:', undefined, 'hash/bad-length', 7, "hash '' has wrong length for hash algorithm 'sha256'"],
    ['abc', 'sha256', 'hash/bad-length', 0, "hash 'abc' has wrong length for hash algorithm 'sha256'"],
    [
      `sha256:${abcHex.slice(0, -1)}g`,
      undefined,
      'hash/bad-character',
      70,
      `invalid base16 hash '${abcHex.slice(0, -1)}g', length 0 != expected length 32`,
    ],
    [
      `sha256:${nix32}e`,
      undefined,
      'hash/bad-character',
      58,
      `invalid nix32 hash '${nix32}e', length 0 != expected length 32`,
    ],
    [
      `sha256:z${nix32.slice(1)}s`,
      undefined,
      'hash/bad-padding',
      7,
      `invalid nix32 hash 'z${nix32.slice(1)}s', length 33 != expected length 32`,
    ],
    ['sha256-abc', undefined, 'hash/bad-length', 7, "invalid SRI hash 'abc', length 2 != expected length 32"],
    ['sha256-', undefined, 'hash/bad-length', 7, "invalid SRI hash '', length 0 != expected length 32"],
    ['sha256-ab*c', undefined, 'hash/bad-character', 9, "invalid SRI hash 'ab*c', length 0 != expected length 32"],
    ['foo:abc', undefined, 'hash/unknown-algorithm', 0, `unknown hash algorithm 'foo', ${unknown}`],
    ['foo-abc', 'sha256', 'hash/unknown-algorithm', 0, `unknown hash algorithm 'foo', ${unknown}`],
    ['SHA256:abc', undefined, 'hash/unknown-algorithm', 0, `unknown hash algorithm 'SHA256', ${unknown}`],
    [':', undefined, 'hash/unknown-algorithm', 0, `unknown hash algorithm '', ${unknown}`],
    [
      'abc',
      undefined,
      'hash/no-algorithm',
      0,
      "hash 'abc' does not include a type, nor is the type otherwise known from context",
    ],
    [`md5:${abcHex}`, 'sha256', 'hash/other-algorithm', 0, `hash 'md5:${abcHex}' should have type 'sha256'`],
  ];

  for (const [text, algorithm, code, offset, message] of refused) {
    test(`refuses '${text}'${algorithm === undefined ? '' : ` as ${algorithm}`}`, () => {
      assert.throws(() => parseHash(text, algorithm), { name: 'NixCompatError', code, offset, message });
    });
  }

  test('refuses a bare hash where a prefix is due, and a colon where SRI is', () => {
    assert.throws(() => parsePrefixedHash(abcHex), {
      code: 'hash/no-algorithm',
      message: `hash '${abcHex}' does not include a type`,
    });
    assert.throws(() => parseSri(`sha256:${abcHex}`), {
      code: 'hash/not-sri',
      message: `hash 'sha256:${abcHex}' is not SRI`,
    });
  });

  test('any text is parsed or refused with a code', () => {
    const piece = fc.oneof(
      fc.constantFrom('sha256:', 'sha256-', 'md5:', ':', '-', '=', abcHex, abcBase64, nix32),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 4 }).map(pieces => pieces.join('')),
        fc.option(fc.constantFrom(...hashAlgorithms), { nil: undefined }),
        (text, algorithm) => {
          try {
            const hash = parseHash(text, algorithm);
            assert.equal(hash.digest.byteLength, hashSize(hash.algorithm));
          } catch (error) {
            assert.ok(error instanceof NixCompatError, String(error));
          }
        },
      ),
    );
  });

  test('a huge text makes no huge message', () => {
    try {
      parseHash('x'.repeat(10_000_000), 'sha256');
      assert.fail();
    } catch (error) {
      assert.ok(error instanceof NixCompatError && error.message.length < 1000);
    }
  });
});
