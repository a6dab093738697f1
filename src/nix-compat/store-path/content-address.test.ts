import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NixCompatError } from '../error.ts';
import { hashAlgorithms } from '../hash/algorithm.ts';
import { hashBytes } from '../hash/hasher.ts';
import {
  contentAddressMethods,
  equalContentAddresses,
  formatContentAddress,
  formatContentAddressKind,
  formatOutputHashMode,
  parseContentAddress,
  parseContentAddressKind,
  parseContentAddressMethod,
  parseOutputHashMode,
} from './content-address.ts';

const digits = '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s';

describe('content addresses', () => {
  for (const method of contentAddressMethods) {
    for (const algorithm of hashAlgorithms) {
      test(`${method} and ${algorithm} come back from every notation`, () => {
        const kind = { method, algorithm };
        const address = { method, hash: hashBytes(algorithm, Buffer.from('x')) };
        assert.deepEqual(parseOutputHashMode(formatOutputHashMode(kind)), kind);
        assert.deepEqual(parseContentAddressKind(formatContentAddressKind(kind)), kind);
        assert.ok(equalContentAddresses(parseContentAddress(formatContentAddress(address)), address));
      });
    }
  }

  const written = [
    ['text', `text:sha256:${digits}`, 'text:sha256', 'text:sha256'],
    ['flat', `fixed:sha256:${digits}`, 'fixed:sha256', 'sha256'],
    ['nar', `fixed:r:sha256:${digits}`, 'fixed:r:sha256', 'r:sha256'],
    ['git', `fixed:git:sha256:${digits}`, 'fixed:git:sha256', 'git:sha256'],
  ] as const;
  for (const [method, address, kind, mode] of written) {
    test(`${method} is written ${address}`, () => {
      const hash = hashBytes('sha256', Buffer.from('abc'));
      assert.equal(formatContentAddress({ method, hash }), address);
      assert.equal(formatContentAddressKind({ method, algorithm: 'sha256' }), kind);
      assert.equal(formatOutputHashMode({ method, algorithm: 'sha256' }), mode);
      assert.equal(parseContentAddressMethod(method), method);
    });
  }

  // Wording of Nix 2.34.8, its spelling included.
  const unrecognised = "is unrecognized. Recogonized prefixes are 'text' or 'fixed'";
  const refused = [
    ['', 'content-address/malformed', "not a content address because it is not in the form '<prefix>:<rest>': "],
    [
      'text',
      'content-address/malformed',
      "not a content address because it is not in the form '<prefix>:<rest>': text",
    ],
    [
      'fixed:sha256',
      'content-address/malformed',
      "content address hash must be in form '<algo>:<hash>', but found: fixed:sha256",
    ],
    ['sha256:00', 'content-address/unknown-prefix', `content address prefix 'sha256' ${unrecognised}`],
    [':', 'content-address/unknown-prefix', `content address prefix '' ${unrecognised}`],
    ['fixed:x:00', 'hash/unknown-algorithm', undefined],
    ['text:r:sha256:00', 'hash/unknown-algorithm', undefined],
    ['fixed:sha256:00', 'hash/bad-length', "hash '00' has wrong length for hash algorithm 'sha256'"],
  ] as const;
  test('refuses a kind without algorithm, pointing into it', () => {
    for (const text of ['text', 'fixed:git'])
      assert.throws(() => parseContentAddressKind(text), { code: 'content-address/malformed', offset: text.length });
  });

  for (const [text, code, message] of refused) {
    test(`refuses '${text}'`, () => {
      assert.throws(() => parseContentAddress(text), message === undefined ? { code } : { code, message });
    });
  }

  test('refuses an unknown method', () => {
    assert.throws(() => parseContentAddressMethod('narwhal'), { code: 'content-address/unknown-method' });
  });

  test('any text is parsed or refused with a code', () => {
    const piece = fc.oneof(fc.constantFrom('fixed:', 'text:', 'r:', 'git:', 'sha256', ':', digits), fc.string());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), pieces => {
        try {
          parseContentAddress(pieces.join(''));
        } catch (error) {
          assert.ok(error instanceof NixCompatError);
        }
      }),
    );
  });
});
