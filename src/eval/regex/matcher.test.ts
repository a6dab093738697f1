import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileRegex } from './compiler.ts';
import { LoopCombinations, noLoops } from './loop-combinations.ts';
import { RegexMatcher } from './matcher.ts';

describe('loops that are entered at one place', () => {
  test('may be entered twice, in whatever order', () => {
    const loops = new LoopCombinations();
    const enter = (...states: readonly number[]) => {
      let at: number | undefined = noLoops;
      for (const state of states) at = at === undefined ? undefined : loops.enter(at, state);
      return at;
    };
    assert.equal(enter(3, 5, 3), enter(5, 3, 3));
    assert.notEqual(enter(3, 5), enter(3));
    assert.notEqual(enter(3), noLoops);
    assert.equal(enter(3, 5, 3, 3), undefined);
    assert.notEqual(enter(3, 5, 3, 5), undefined);
  });
});

test('an expression matches each text as if it were the first', () => {
  const texts = ['', 'a', 'ab', 'aab', 'abab', 'ba', 'abc', 'cab'];
  for (const pattern of ['(a*)*b?', '((a|b)*)*', '(a|ab)(c|bcd)?', '(a?b?)*c?', '((a*)(b*))*']) {
    const shared = compileRegex(pattern);
    for (const text of [...texts, ...texts.toReversed()]) {
      const [first, again] = [compileRegex(pattern), shared].map(regex => {
        return [new RegexMatcher(regex, text).matchWhole(), new RegexMatcher(regex, text).search(0)];
      });
      assert.deepEqual(again, first, `${pattern} on '${text}'`);
    }
  }
});
