import assert from 'node:assert/strict';
import { readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { EvaluationCache } from './evaluation-cache.ts';
import { EvaluationRecording } from './evaluation-recording.ts';

function record(value: unknown) {
  const made = new EvaluationRecording().finish({ value });
  assert.ok(made);
  return made;
}

describe('a cache of evaluations', () => {
  test('finds what was kept last, and nothing else', () => {
    using folder = temporaryFolder();
    const cache = new EvaluationCache(join(folder.path, 'made'));
    assert.equal(cache.find('a'), undefined);
    cache.keep('a', record(['x', new Set(['y'])]));
    cache.keep('b', record(1));
    cache.keep('b', record(2));
    assert.deepEqual(cache.find('a')?.outcome, { kind: 'value', value: ['x', new Set(['y'])] });
    assert.deepEqual(cache.find('b')?.outcome, { kind: 'value', value: 2 });
    assert.equal(cache.find('c'), undefined);
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
    const made = whole.finish({ value: 1 });
    assert.ok(made);
    cache.keep('a', made);
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
    assert.equal(whole.finish({ value: 1 }), undefined);
  });

  test('takes a file in which any byte is another for none', () => {
    using folder = temporaryFolder();
    const cache = new EvaluationCache(folder.path);
    cache.keep('a', record('x'));
    const path = join(folder.path, 'a');
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.byteLength; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(path, damaged);
      assert.equal(cache.find('a'), undefined);
      writeFileSync(path, bytes.subarray(0, at));
      assert.equal(cache.find('a'), undefined);
    }
    cache.keep('a', record('y'));
    assert.deepEqual(cache.find('a')?.outcome, { kind: 'value', value: 'y' });
  });

  test('is bounded: what was used longest ago goes', () => {
    using folder = temporaryFolder();
    const cache = new EvaluationCache(folder.path);
    for (let at = 0; at < 1000; at++) {
      writeFileSync(join(folder.path, `${at}`), '');
      utimesSync(join(folder.path, `${at}`), at + 1, at + 1);
    }
    cache.keep('new', record(1));
    const left = new Set(readdirSync(folder.path));
    assert.equal(left.size, 750);
    assert.deepEqual([left.has('new'), left.has('999'), left.has('0')], [true, true, false]);
  });

  test('does without where it cannot write, or where there is no home', () => {
    using home = temporaryFolder();
    for (const folder of ['/dev/null/folder', join(home.path, 'none/.cache/nix/records')]) {
      const cache = new EvaluationCache(folder);
      cache.keep('a', record(1));
      assert.equal(cache.find('a'), undefined);
    }
    assert.deepEqual(readdirSync(home.path), []);
    const cache = new EvaluationCache(join(home.path, '.cache/nix/records'));
    cache.keep('a', record(1));
    assert.ok(cache.find('a'));
  });
});
