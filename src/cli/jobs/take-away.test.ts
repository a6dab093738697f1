import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { takeAway } from './take-away.ts';

function queueOf(...paths: readonly string[]) {
  return paths.map(path => path.split('.').map(name => byteStringFromText(name)));
}

function takenOf(...paths: readonly string[]) {
  const queue = queueOf(...paths);
  const taken = takeAway(queue);
  assert.deepEqual([...queue, ...taken], queueOf(...paths), 'nothing is lost, and all stays in order');
  return taken.map(path => path.join('.'));
}

test('half of the jobs that are all of one set are taken, the last ones', () => {
  assert.deepEqual(takenOf('a', 'b', 'c', 'd'), ['c', 'd']);
  assert.deepEqual(takenOf('a', 'b', 'c'), ['b', 'c']);
  assert.deepEqual(takenOf('a'), ['a']);
  assert.deepEqual(takenOf(), []);
});

test('a set that was begun is left to whoever began it, and counts as one job', () => {
  assert.deepEqual(takenOf('main.a', 'main.b', 'main.c', 'overlay', 'unfree'), ['overlay', 'unfree']);
  assert.deepEqual(takenOf('a.x', 'b', 'c', 'd'), ['c', 'd']);
  assert.deepEqual(takenOf('a.x', 'b'), ['b']);
});

test('names that begin alike stay together', () => {
  const first = ['a', 'b', 'c', 'd', 'e', 'f', 'hello'];
  const last = ['linux', 'linuxPackages', 'linux_hardened', 'p', 'q', 'r', 's', 't', 'zlib'];
  assert.deepEqual(takenOf(...first, ...last), last);
});
