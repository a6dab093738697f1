import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  byteStringFromLatin1,
  byteStringFromText,
  byteStringOf,
  bytesOf,
  decodeUtf8,
  displayBytes,
  equalBytes,
  textOf,
} from './bytes.ts';

test('a byte string keeps every byte and orders as memcmp does', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      assert.deepEqual(new Uint8Array(bytesOf(byteStringOf(a))), a);
      const order = byteStringOf(a) < byteStringOf(b) ? -1 : byteStringOf(a) > byteStringOf(b) ? 1 : 0;
      assert.equal(order, Buffer.compare(a, b));
      assert.equal(equalBytes(a, b), order === 0);
    }),
  );
});

test('text goes through its UTF-8 encoding', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      const bytes = byteStringFromText(text);
      assert.deepEqual(bytesOf(bytes), Buffer.from(text, 'utf8'));
      assert.equal(textOf(bytes), text);
      assert.equal(displayBytes(bytes), text);
    }),
  );
});

test('what is not UTF-8 has no text but can be shown', () => {
  const bytes = byteStringFromLatin1('a\xff');
  assert.equal(textOf(bytes), undefined);
  assert.equal(decodeUtf8(bytesOf(bytes)), undefined);
  assert.equal(displayBytes(bytes).toWellFormed(), 'a\ufffd');
  assert.equal(byteStringFromText(displayBytes(bytes)), bytes);
});

test('a byte order mark is text like any other', () => {
  assert.equal(textOf(byteStringFromText('\ufeffa')), '\ufeffa');
});

test('code units above 255 are no bytes', () => {
  assert.throws(() => byteStringFromLatin1('\u0100'), TypeError);
});
