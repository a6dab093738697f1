import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { startEvaluator, temporaryFolder } from '../../testing/index.ts';
import { complete } from './complete.ts';
import { ReplScope } from '../../eval/index.ts';

const evaluator = startEvaluator();
const scope = new ReplScope(evaluator, byteStringFromText('/'));
for (const text of ['long = { abc = 1; abd = { e = 2; }; }', 'longer = throw "x"']) {
  scope.define(scope.parseDefinitions(byteStringFromText(text)) ?? assert.fail());
}
const prompt = {
  scope,
  evaluator,
  evaluate: (text: Parameters<typeof scope.parse>[0]) => evaluator.force(scope.evaluateTree(scope.parse(text))),
};

function wordsAfter(typed: string): readonly string[] {
  return complete(prompt, byteStringFromText(typed)).words;
}

test('completes variables', () => {
  assert.deepEqual(complete(prompt, byteStringFromText('1 + (lon')), { words: ['long', 'longer'], length: 3 });
  assert.deepEqual(wordsAfter('builtin'), ['builtins']);
});

test('completes attributes, also of attributes', () => {
  assert.deepEqual(wordsAfter('[long.ab'), ['long.abc', 'long.abd']);
  assert.deepEqual(wordsAfter('long.abd.'), ['long.abd.e']);
});

test('completes nothing where what is typed fails', () => {
  for (const typed of ['longer.a', 'nothing.a', 'long.abc.', '/dev/null/', ').a'])
    assert.deepEqual(wordsAfter(typed), []);
});

test('completes paths, without hidden entries', () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'sub'));
  for (const name of ['some', 'other', '.hidden']) writeFileSync(join(folder.path, name), '');
  assert.deepEqual(wordsAfter(`import ${folder.path}/s`), [`${folder.path}/some`, `${folder.path}/sub`]);
  assert.equal(wordsAfter(`${folder.path}/`).length, 3);
});
