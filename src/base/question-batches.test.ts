import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuestionBatches } from './question-batches.ts';

test('questions of one turn are asked together, those that come meanwhile after them, and none twice', async () => {
  const asked: string[][] = [];
  const gate = Promise.withResolvers<void>();
  const batches = new QuestionBatches(async (questions: ReadonlySet<string>) => {
    asked.push([...questions]);
    if (asked.length === 1) await gate.promise;
    return new Map(Array.from(questions, question => [question, question.length]));
  });
  const first = Promise.all([batches.find('a'), batches.find('bb'), batches.find('a')]);
  while (asked.length === 0) await new Promise(setImmediate);
  const second = Promise.all([batches.find('ccc'), batches.find('a')]);
  gate.resolve();
  assert.deepEqual(await first, [1, 2, 1]);
  assert.deepEqual(await second, [3, 1]);
  assert.deepEqual(asked, [
    ['a', 'bb'],
    ['ccc', 'a'],
  ]);
  assert.equal(await batches.find('dddd'), 4);
  assert.deepEqual(asked[2], ['dddd']);
});

test('no more questions are asked together than is said', async () => {
  const sizes: number[] = [];
  const batches = new QuestionBatches(
    async (questions: ReadonlySet<number>) => {
      sizes.push(questions.size);
      return new Map(Array.from(questions, question => [question, -question]));
    },
    { maxBatch: 2 },
  );
  assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map(question => batches.find(question))), [-1, -2, -3, -4, -5]);
  assert.deepEqual(sizes, [2, 2, 1]);
});

test('there may be no answer, and what fails fails for those that were asked together', async () => {
  const batches = new QuestionBatches(async (questions: ReadonlySet<string>) => {
    if (questions.has('bad')) throw new Error('no answers');
    return new Map<string, number>();
  });
  await Promise.all([
    assert.rejects(batches.find('bad'), /no answers/),
    assert.rejects(batches.find('beside it'), /no answers/),
  ]);
  assert.equal(await batches.find('unknown'), undefined);
});
