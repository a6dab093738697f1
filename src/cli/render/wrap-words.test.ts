import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrapWords } from './wrap-words.ts';

test('wrapWords breaks lines between words, and longer words not at all', () => {
  assert.equal(wrapWords('', 5), '');
  assert.equal(wrapWords('ab cd ef', 5), 'ab cd\nef');
  assert.equal(wrapWords('ab cd ef', 4), 'ab\ncd\nef');
  assert.equal(wrapWords('abcdefgh ij', 4), 'abcdefgh\nij');
});
