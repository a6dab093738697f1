import assert from 'node:assert/strict';
import { readFileSync, readdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { EvaluationCache } from './evaluation-cache.ts';
import { EvaluationRecording } from './evaluation-recording.ts';

function record(question: string, value: unknown) {
  const made = new EvaluationRecording().finish(question, { value });
  assert.ok(made);
  return made;
}

describe('a cache of evaluations', () => {
  test('finds what was kept last, and nothing else', () => {
    using folder = temporaryFolder();
    const cache = new EvaluationCache(join(folder.path, 'made'));
    assert.equal(cache.find('a'), undefined);
    cache.keep(record('a', ['x', new Set(['y'])]));
    cache.keep(record('b', 1));
    cache.keep(record('b', 2));
    assert.deepEqual(cache.find('a')?.outcome, { kind: 'value', value: ['x', new Set(['y'])] });
    assert.deepEqual(cache.find('b')?.outcome, { kind: 'value', value: 2 });
    assert.equal(cache.find('c'), undefined);
  });

  test('does not take the record of another question that has the same name', () => {
    using folder = temporaryFolder();
    const cache = new EvaluationCache(folder.path);
    cache.keep(record('a', 1));
    const [name = ''] = readdirSync(folder.path);
    cache.keep(record('b', 2));
    const other = readdirSync(folder.path).find(each => each !== name) ?? '';
    renameSync(join(folder.path, other), join(folder.path, name));
    assert.equal(cache.find('a'), undefined);
  });

  test('keeps what several have recorded as one, unless one of them has lost something', () => {
    using folder = temporaryFolder();
    const cache = new EvaluationCache(folder.path);
    const [whole, part, lost] = [new EvaluationRecording(), new EvaluationRecording(), new EvaluationRecording()];
    part.inputs.variable('A', '1');
    part.configured(new Map([['cores', 1n]]));
    whole.inputs.variable('B', '2');
    whole.configured(new Map([['cores', 2n]]));
    whole.absorb(part.toPart());
    const made = whole.finish('a', { value: 1 });
    assert.ok(made);
    cache.keep(made);
    const found = cache.find('a');
    assert.deepEqual(found, made);
    assert.deepEqual(
      found.inputs.flatMap(({ variables }) => variables),
      [
        ['B', '2'],
        ['A', '1'],
      ],
    );
    assert.deepEqual(found.configs, [new Map([['cores', 2n]])], 'settings that threads make are theirs');
    lost.inputs.lose();
    whole.absorb(lost.toPart());
    assert.equal(whole.finish('a', { value: 1 }), undefined);
  });

  test('takes a file in which any byte is another for none', () => {
    using folder = temporaryFolder();
    const cache = new EvaluationCache(folder.path);
    cache.keep(record('a', 'x'));
    const [name = ''] = readdirSync(folder.path);
    const path = join(folder.path, name);
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.byteLength; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(path, damaged);
      assert.equal(cache.find('a'), undefined);
      writeFileSync(path, bytes.subarray(0, at));
      assert.equal(cache.find('a'), undefined);
    }
    cache.keep(record('a', 'y'));
    assert.deepEqual(cache.find('a')?.outcome, { kind: 'value', value: 'y' });
  });

  test('is bounded: what was used longest ago goes', () => {
    using folder = temporaryFolder();
    const cache = new EvaluationCache(folder.path);
    for (let at = 0; at < 1000; at++) {
      writeFileSync(join(folder.path, `${at}`), '');
      utimesSync(join(folder.path, `${at}`), at + 1, at + 1);
    }
    cache.keep(record('new', 1));
    const left = new Set(readdirSync(folder.path));
    assert.equal(left.size, 750);
    assert.ok(cache.find('new'));
    assert.deepEqual([left.has('999'), left.has('0')], [true, false]);
  });

  test('does without where it cannot write, or where there is no home', () => {
    using home = temporaryFolder();
    for (const folder of ['/dev/null/folder', join(home.path, 'none/.cache/nix/records')]) {
      const cache = new EvaluationCache(folder);
      cache.keep(record('a', 1));
      assert.equal(cache.find('a'), undefined);
    }
    assert.deepEqual(readdirSync(home.path), []);
    const cache = new EvaluationCache(join(home.path, '.cache/nix/records'));
    cache.keep(record('a', 1));
    assert.ok(cache.find('a'));
  });
});
