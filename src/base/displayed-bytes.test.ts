import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeForDisplay, encodeDisplayed } from './displayed-bytes.ts';

test('bytes that are shown can be written as they were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      assert.deepEqual(encodeDisplayed(decodeForDisplay(bytes)), Buffer.from(bytes));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      assert.equal(decodeForDisplay(Buffer.from(text)), text);
      assert.deepEqual(encodeDisplayed(text), Buffer.from(text));
    }),
  );
});

test('what is not UTF-8 stands for itself alone', () => {
  const text = decodeForDisplay(Buffer.from('a\u00e9', 'utf8').subarray(0, 2));
  assert.equal(text, 'a\udcc3');
  assert.equal(text.toWellFormed(), 'a\ufffd');
  assert.equal(decodeForDisplay(Buffer.from([0xed, 0xa0, 0x80])), '\udced\udca0\udc80');
  assert.equal(decodeForDisplay(Buffer.from([0xf0, 0x9f, 0x98, 0x80, 0xff])), '\u{1f600}\udcff');
});
