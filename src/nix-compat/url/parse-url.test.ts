import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { isIpv4, isIpv6 } from './ip-address.ts';
import { formatAuthorityAndPath, parseUrl } from './parse-url.ts';
import { decodePercent, encodePercent } from './percent-encoding.ts';
import { decodeQuery, encodeQuery } from './url-query.ts';

const bytes = fc.string({ unit: 'binary-ascii' }).map(byteStringFromText);

describe('URLs', () => {
  test('come apart', () => {
    const url = parseUrl(byteStringFromText('http://me:s%40@[fe80::1%25eth0]:8080/a%2Fb/c?x=1&y=%26#part^1'));
    assert.deepEqual(url, {
      scheme: 'http',
      authority: { user: 'me', password: 's@', host: 'fe80::1%eth0', hostType: 'ipv6', port: 8080 },
      path: ['', 'a/b', 'c'],
      query: new Map([
        ['x', '1'],
        ['y', '&'],
      ]),
      fragment: 'part^1',
    });
    assert.equal(formatAuthorityAndPath(url), 'me:s%40@[fe80::1%25eth0]:8080/a%2Fb/c');
  });

  for (const text of [
    '',
    'a',
    '/a',
    '//host',
    'a b:c',
    'x://h ost',
    'x://[::1',
    'x://[1::2::3]',
    'x:%',
    'file://host/',
  ]) {
    test(`'${text}' is none`, () => {
      assert.throws(
        () => parseUrl(byteStringFromText(text)),
        (error: unknown) => error instanceof NixCompatError && error.code === 'url/malformed',
      );
    });
  }

  test('never fail in a foreign way', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ax1:/?#[]@%2.-+=& '.split('')) });
    fc.assert(
      fc.property(text, given => {
        try {
          parseUrl(byteStringFromText(given));
        } catch (error) {
          assert.ok(error instanceof NixCompatError && error.code === 'url/malformed');
        }
      }),
    );
  });
});

test('percent encoding is undone by decoding', () => {
  fc.assert(fc.property(bytes, text => assert.equal(decodePercent(encodePercent(text)), text)));
  assert.equal(encodePercent(byteStringFromText('é~/'), /\//), '%C3%A9~/');
  assert.equal(decodePercent(byteStringFromText('%c3%A9')), byteStringFromLatin1('\u00c3\u00a9'));
});

test('queries are read as they are written, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(bytes, bytes)), pairs => {
      const query = decodeQuery(encodeQuery(new Map(pairs)));
      const sorted = [...new Map(pairs)].toSorted(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual([...query], sorted);
    }),
  );
});

test('addresses', () => {
  const accepted = ['::', '::1', '1::', 'fe80::1:2', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '1:2:3:4:5:6:1.2.3.4'];
  for (const text of accepted) assert.ok(isIpv6(text), text);
  const refused = [
    '',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
  ];
  for (const text of refused) assert.ok(!isIpv6(text), text);
  assert.ok(isIpv4('0.10.255.1'));
  for (const text of ['1.2.3', '256.1.1.1', '01.2.3.4', '1.2.3.4.5', '']) assert.ok(!isIpv4(text), text);
});
