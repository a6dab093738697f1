import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { NixCompatError } from '../error.ts';
import { PublicKey, SecretKey, verifySignature } from './key.ts';
import { compareSignatures, formatSignature, parseSignature, sortSignatures } from './signature.ts';

// From `nix key generate-secret` and `convert-secret-to-public` of Nix 2.34.8.
const secretText = 'k-1:1sfLAu4Yadlgtm2Pt9mxF//20UBzyR6t2nIIRg3WxMBw650OGbhwBS9PQzHCZOumpXgJPfFH5fVoQPpYLcl/hA==';
const publicText = 'k-1:cOudDhm4cAUvT0MxwmTrpqV4CT3xR+X1aED6WC3Jf4Q=';
// A fingerprint and what `nix store sign` made of it.
const fingerprint = Buffer.from(
  '1;/nix/store/xv1vp1qfymcgwzd321pnjplx7c53hdch-top;sha256:13kk499p130b5yshwv7mca96k5k4hid8yn8vzydi83m55n0k22xv;208;' +
    '/nix/store/708i50a9fdr1znjw293sp58v6vghqhch-one,/nix/store/l9ydx6q80smqqjbcs5rhz37280a44fr5-two',
);
const signatureText = 'k-1:Bt9QRCX5A6v6bZFAyaYNok+KUqRF7WfDuu6e6VvJ7wyAPGS2RXqEjt4OQ6PCLhcZWnekjQw4BcHE54HEoawqBw==';

describe('keys', () => {
  const secret = SecretKey.parse(secretText);
  const known = PublicKey.parse(publicText);

  test('are printed as they were parsed', () => {
    assert.equal(secret.format(), secretText);
    assert.equal(secret.publicKey.toString(), publicText);
    assert.equal(known.toString(), publicText);
  });

  test('sign and verify as C++ Nix does', () => {
    const signature = secret.sign(fingerprint);
    assert.equal(formatSignature(signature), signatureText);
    assert.ok(known.verify(fingerprint, signature));
    assert.ok(known.verify(fingerprint, parseSignature(signatureText)));
  });

  test('verify nothing else', () => {
    const signature = secret.sign(fingerprint);
    const damaged = { ...signature, bytes: signature.bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte)) };
    assert.equal(known.verify(fingerprint.subarray(1), signature), false);
    assert.equal(known.verify(fingerprint, damaged), false);
    assert.equal(known.verify(fingerprint, { ...signature, keyName: 'k-2' }), false);
    assert.equal(known.verifyAnonymous(fingerprint, { ...signature, keyName: 'k-2' }), true);
    assert.throws(() => known.verify(fingerprint, { keyName: 'k-1', bytes: Buffer.alloc(63) }), {
      code: 'signature/bad-length',
      message: 'signature is not valid',
    });
  });

  test('are looked up by name', () => {
    const keys = new Map([[known.name, known]]);
    const signature = secret.sign(fingerprint);
    assert.equal(verifySignature(keys, fingerprint, signature), true);
    assert.equal(verifySignature(keys, fingerprint, { ...signature, keyName: 'k-2' }), false);
  });

  test('that are generated work and differ', () => {
    const [one, two] = [SecretKey.generate('a.example.org-1'), SecretKey.generate('a.example.org-1')];
    assert.notEqual(one.format(), two.format());
    const again = SecretKey.parse(one.format());
    assert.ok(again.publicKey.verify(fingerprint, one.sign(fingerprint)));
    assert.equal(two.publicKey.verify(fingerprint, one.sign(fingerprint)), false);
  });

  test('that are secret are not shown by accident', () => {
    const seed = secretText.slice(4, 40);
    for (const shown of [inspect(secret, { showHidden: true, depth: 9 }), JSON.stringify(secret)])
      assert.ok(!shown.includes(seed));
  });

  for (const name of ['', 'a:b', 'a b', 'a\n']) {
    test(`cannot be named ${JSON.stringify(name)}`, () => {
      assert.throws(() => SecretKey.generate(name), { code: 'key/bad-name' });
    });
  }

  const refused = [
    ['', 'key/malformed', 0, 'key is corrupt'],
    [':', 'key/malformed', 0, 'key is corrupt'],
    ['a:', 'key/malformed', 2, 'key is corrupt'],
    ['nocolon', 'key/malformed', 0, 'key is corrupt'],
    [':AAAA', 'key/malformed', 0, 'key is corrupt'],
    ['a:AA*', 'key/malformed', 4, "invalid character in Base64 string: '*'"],
    ['a:=', 'key/malformed', 2, 'key is corrupt'],
  ] as const;
  for (const [text, code, offset, message] of refused) {
    test(`refuses '${text}'`, () => {
      assert.throws(() => PublicKey.parse(text), { name: 'NixCompatError', code, offset, message });
      assert.throws(() => SecretKey.parse(text), { name: 'NixCompatError', code, offset, message });
    });
  }

  test('refuses keys of another size', () => {
    assert.throws(() => PublicKey.parse('a:AAAA'), { code: 'key/bad-length', message: 'public key is not valid' });
    assert.throws(() => SecretKey.parse('a:AAAA'), { code: 'key/bad-length', message: 'secret key is not valid' });
    assert.throws(() => PublicKey.parse(secretText), { code: 'key/bad-length' });
  });

  test('refuses a secret key with the public half of another', () => {
    const bytes = Buffer.from(secretText.slice(4), 'base64');
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    assert.throws(() => SecretKey.parse(`k:${bytes.toString('base64')}`), { code: 'key/inconsistent' });
  });
});

describe('signatures', () => {
  test('are sorted by name, then by bytes, without duplicates', () => {
    const texts = ['b:AAAA', 'a:BBBB', 'b:AAAA', 'a:AAAA', 'B:AAAA'];
    assert.deepEqual(sortSignatures(texts.map(parseSignature)).map(formatSignature), [
      'B:AAAA',
      'a:AAAA',
      'a:BBBB',
      'b:AAAA',
    ]);
    assert.equal(compareSignatures(parseSignature('a:AAAA'), parseSignature('a:AAAA====')), 0);
  });

  test('any text is parsed or refused with a code', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.string(), fc.base64String()).map(parts => parts.join(':')),
    );
    fc.assert(
      fc.property(text, value => {
        try {
          assert.ok(parseSignature(value).bytes.length > 0);
        } catch (error) {
          assert.ok(error instanceof NixCompatError && error.code === 'signature/malformed');
        }
      }),
    );
    assert.throws(() => parseSignature('nocolon'), { code: 'signature/malformed', message: 'signature is corrupt' });
  });
});
