import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultStoreDir, joinStorePath } from '../../../nix-compat/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { TemporaryRoots, readTemporaryRoots } from './temporary-roots.ts';

const path = (letter: string) => joinStorePath(letter.repeat(32), 'x');

test('what a living process uses is a root, what a dead one used is not', () => {
  using folder = temporaryFolder();
  const temproots = join(folder.path, 'temproots');
  assert.deepEqual(readTemporaryRoots(temproots, defaultStoreDir), []);
  {
    using roots = new TemporaryRoots(temproots, defaultStoreDir);
    roots.add([]);
    assert.ok(!existsSync(temproots));
    roots.add([path('a'), path('b')]);
    roots.add([path('b'), path('c')]);
    writeFileSync(join(temproots, '1'), `/nix/store/${path('d')}\0`);
    const holder = `{temp:${process.pid}}`;
    const expected = ['a', 'b', 'c'].map(letter => ({ path: path(letter), holder }));
    assert.deepEqual(readTemporaryRoots(temproots, defaultStoreDir), expected);
    assert.deepEqual(readdirSync(temproots), [String(process.pid)]);
  }
  assert.deepEqual(readdirSync(temproots), []);
});

test('a half-written path is none yet', () => {
  using folder = temporaryFolder();
  using roots = new TemporaryRoots(folder.path, defaultStoreDir);
  roots.add([path('a')]);
  writeFileSync(join(folder.path, String(process.pid)), `/nix/store/${path('b')}\0/nix/store/${'c'.repeat(10)}`, {
    flag: 'a',
  });
  assert.deepEqual(
    readTemporaryRoots(folder.path, defaultStoreDir).map(root => root.path),
    [path('a'), path('b')],
  );
});

test('two stores of one process each have their own', () => {
  using folder = temporaryFolder();
  using one = new TemporaryRoots(folder.path, defaultStoreDir);
  using two = new TemporaryRoots(folder.path, defaultStoreDir);
  one.add([path('a')]);
  two.add([path('b')]);
  const holder = `{temp:${process.pid}}`;
  assert.deepEqual(readTemporaryRoots(folder.path, defaultStoreDir), [
    { path: path('a'), holder },
    { path: path('b'), holder },
  ]);
});
