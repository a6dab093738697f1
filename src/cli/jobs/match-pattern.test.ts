import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesPattern } from './match-pattern.ts';

test('patterns match as those of fnmatch', () => {
  for (const [pattern, text, expected] of [
    ['*', 'a.b', true],
    ['a*', 'ba', false],
    ['tests.*', 'tests.x.y', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[]x]', ']', true],
    ['[x', '[x', true],
    ['a.c', 'abc', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
  ] as const) {
    assert.equal(matchesPattern(pattern, text), expected, `${pattern} ${text}`);
  }
});
