import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bold, normal } from './ansi.ts';
import { fitWidth } from './fit-width.ts';

test('fitWidth cuts where the columns end', () => {
  assert.equal(fitWidth('abcdef', 6), 'abcdef');
  assert.equal(fitWidth('abcdef', 5), 'abcde');
  assert.equal(fitWidth('abc', 0), '');
});

test('fitWidth counts columns, not characters', () => {
  assert.equal(fitWidth('日本語', 5), '日本');
  assert.equal(fitWidth('e\u0301e\u0301', 1), 'e\u0301');
  assert.equal(fitWidth('🚀x', 2), '🚀');
});

test('escape sequences take no columns', () => {
  assert.equal(fitWidth(`${bold}ab${normal}c`, 3), `${bold}ab${normal}c`);
  assert.equal(fitWidth(`${bold}ab${normal}c`, 2), `${bold}ab${normal}`);
});
