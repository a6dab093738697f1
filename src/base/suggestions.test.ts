import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { editDistance, formatSuggestions, suggest } from './suggestions.ts';

describe('editDistance', () => {
  test('counts insertions, deletions and substitutions', () => {
    const cases = [
      ['', '', 0],
      ['', 'abc', 3],
      ['abc', '', 3],
      ['kitten', 'sitting', 3],
      ['hash', 'hsh', 1],
      ['hash', 'hash', 0],
    ] as const;
    for (const [a, b, distance] of cases) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
  });

  test('is a metric', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        assert.equal(editDistance(a, b), editDistance(b, a));
        assert.equal(editDistance(a, b) === 0, a === b);
        assert.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c));
      }),
    );
  });
});

describe('suggest', () => {
  test('names what is near, nearest first, at most five', () => {
    const known = ['hash', 'has', 'bash', 'nar', 'key', 'cash', 'mash', 'dash', 'wash'];
    assert.deepEqual(suggest(known, 'hash'), ['hash', 'bash', 'cash', 'dash', 'has']);
    assert.deepEqual(suggest(known, 'nothing'), []);
  });

  test('does not compare what is absurdly long', () => {
    assert.deepEqual(suggest(['hash'], 'x'.repeat(1_000_000)), []);
  });
});

test('formatSuggestions', () => {
  assert.equal(formatSuggestions([]), '');
  assert.equal(formatSuggestions(['a']), 'a');
  assert.equal(formatSuggestions(['a', 'b']), 'one of a or b');
  assert.equal(formatSuggestions(['a', 'b', 'c']), 'one of a, b or c');
});
