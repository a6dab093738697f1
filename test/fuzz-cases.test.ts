import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type KeptCase, readKeptCases } from './fuzz/cases.ts';
import { judge } from './fuzz/judge.ts';
import { targets } from './fuzz/targets/index.ts';

/** In milliseconds, on a machine that is busy: the fuzzer itself is stricter. */
const longest = 5000;

const byTarget = new Map<string, KeptCase[]>(targets.map(({ name }) => [name, []]));
for (const kept of readKeptCases()) {
  const cases = byTarget.get(kept.target);
  assert(cases !== undefined, `there are cases of '${kept.target}', which is no target of test/fuzz`);
  cases.push(kept);
}

describe('inputs that the fuzzer kept', () => {
  for (const target of targets) {
    test(`of ${target.name} come to what they did`, async () => {
      for (const { base64, outcome, why } of byTarget.get(target.name) ?? []) {
        const start = performance.now();
        const verdict = await judge(target, Buffer.from(base64, 'base64'));
        assert(verdict.finding === undefined, `${why}: ${base64}: ${verdict.finding?.why}`);
        if (outcome !== undefined) assert.equal(verdict.outcome, outcome, base64);
        assert(performance.now() - start < longest, `${why}: ${base64} takes long`);
      }
    });
  }
});
