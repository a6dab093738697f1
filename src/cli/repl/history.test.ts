import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { History } from './history.ts';

const silent = () => assert.fail('nothing is to be complained about');

test('keeps lines from one prompt to the next, without blank ones and repetitions', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'a/b/repl-history');
  const first = new History(path, silent);
  for (const line of ['x = 1', '', '  ', 'x', 'x', 'y']) first.add(line);
  assert.equal(readFileSync(path, 'utf8'), 'x = 1\nx\ny\n');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(new History(path, silent).newestFirst(), ['y', 'x', 'x = 1']);
});

test('keeps the newest lines only', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'repl-history');
  writeFileSync(path, Array.from({ length: 1500 }, (_, n) => `${n}\n`).join(''));
  assert.equal(new History(path, silent).newestFirst().length, 1000);
  assert.match(readFileSync(path, 'utf8'), /^500\n/);
});

test('complains once where nothing can be kept', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'repl-history');
  mkdirSync(path);
  const complaints: string[] = [];
  const history = new History(path, message => complaints.push(message));
  history.add('a');
  history.add('b');
  assert.equal(complaints.length, 1);
  assert.deepEqual(history.newestFirst(), ['b', 'a']);
});
