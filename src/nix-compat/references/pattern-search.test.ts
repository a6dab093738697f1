import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PatternSearch } from './pattern-search.ts';

function patternsOf(texts: readonly string[]) {
  return texts.map(text => ({ text, bytes: Buffer.from(text, 'latin1') }));
}

/** The definition: at each position, the longest pattern that is there. */
function naive(text: string, patterns: readonly string[], from: number): { at: number; text: string } | undefined {
  const longestFirst = patterns.toSorted((a, b) => b.length - a.length);
  for (let at = from; at < text.length; at++) {
    const found = longestFirst.find(pattern => text.startsWith(pattern, at));
    if (found !== undefined) return { at, text: found };
  }
  return undefined;
}

describe('PatternSearch', () => {
  // Few letters, so that patterns overlap, share buckets and fill windows.
  const letters = fc.constantFrom('a', 'b', '!', 'A');
  const text = fc.string({ unit: letters, maxLength: 60 });
  const patterns = fc.uniqueArray(fc.string({ unit: letters, minLength: 1, maxLength: 6 }), { maxLength: 5 });

  test('finds what the definition finds, one after the other', () => {
    fc.assert(
      fc.property(text, patterns, (where, what) => {
        const search = new PatternSearch(patternsOf(what));
        for (let from = 0; from <= where.length; from++) {
          const found = search.find(Buffer.from(where), from);
          const expected = naive(where, what, from);
          assert.deepEqual(found && { at: found.at, text: found.pattern.text }, expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('no longer finds what was removed', () => {
    fc.assert(
      fc.property(text, patterns, fc.nat(5), (where, what, index) => {
        const all = patternsOf(what);
        const search = new PatternSearch(all);
        const removed = all[index];
        if (removed !== undefined) {
          search.remove(removed);
          search.remove(removed);
        }
        const rest = all.filter(pattern => pattern !== removed);
        assert.equal(search.size, rest.length);
        const expected = naive(
          where,
          rest.map(pattern => pattern.text),
          0,
        );
        const found = search.find(Buffer.from(where), 0);
        assert.deepEqual(found && { at: found.at, text: found.pattern.text }, expected);
      }),
      { numRuns: 500 },
    );
  });

  test('takes linear time when every byte is one of the patterns', () => {
    // Looking at each byte 32 times would take ten times as long.
    const bytes = Buffer.alloc(16 * 1024 * 1024, 'a');
    const search = new PatternSearch(patternsOf([`b${'a'.repeat(31)}`]));
    const start = performance.now();
    assert.equal(search.find(bytes, 0), undefined);
    assert.ok(performance.now() - start < 3000);
  });
});
