import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tryLockFile } from '../../../base/index.ts';
import { realFileSystem } from '../../../castore/index.ts';
import { defaultStoreDir, joinStorePath } from '../../../nix-compat/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { TemporaryRootsReader, readTemporaryRoots, removeStaleTemporaryRoots } from './read-temporary-roots.ts';
import { RootsLock } from './roots-lock.ts';
import { TemporaryRoots, collectorLockName } from './temporary-roots.ts';

const path = (letter: string) => joinStorePath(letter.repeat(32), 'x');
const place = (folder: string) => ({ folder, storeDir: defaultStoreDir, fileSystem: realFileSystem });
const visible = (folder: string) => readdirSync(folder).filter(name => !name.startsWith('.'));
const holder = `{temp:${process.pid}}`;

test('what a living process uses is a root, what a dead one used is not', async () => {
  using folder = temporaryFolder();
  const temproots = join(folder.path, 'temproots');
  assert.deepEqual(readTemporaryRoots(place(temproots)), []);
  {
    using roots = new TemporaryRoots(temproots, defaultStoreDir);
    await roots.add([]);
    assert.ok(!existsSync(temproots));
    await roots.add([path('a'), path('b')]);
    await roots.add([path('b'), path('c')]);
    writeFileSync(join(temproots, '1'), `/nix/store/${path('d')}\0`);
    writeFileSync(join(temproots, '.keep'), `/nix/store/${path('f')}\0`);
    const expected = ['a', 'b', 'c'].map(letter => ({ path: path(letter), holder }));
    assert.deepEqual(readTemporaryRoots(place(temproots)), expected);
    assert.deepEqual(visible(temproots), ['1', String(process.pid)]);
    removeStaleTemporaryRoots(place(temproots), file => assert.equal(file, join(temproots, '1')));
    assert.deepEqual(visible(temproots), [String(process.pid)]);
  }
  assert.deepEqual(visible(temproots), []);
});

test('a half-written path is none yet, and none of the next one either', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, String(process.pid));
  writeFileSync(file, `/nix/store/${path('b')}\0/nix/store/${'c'.repeat(10)}`);
  using roots = new TemporaryRoots(folder.path, defaultStoreDir);
  await roots.add([path('a')]);
  writeFileSync(file, `/nix/store/${'c'.repeat(10)}`, { flag: 'a' });
  assert.deepEqual(
    readTemporaryRoots(place(folder.path)).map(root => root.path),
    [path('b'), path('a')],
  );
});

test('two stores of one process each have their own', async () => {
  using folder = temporaryFolder();
  using one = new TemporaryRoots(folder.path, defaultStoreDir);
  using two = new TemporaryRoots(folder.path, defaultStoreDir);
  await one.add([path('a')]);
  await two.add([path('b')]);
  assert.deepEqual(readTemporaryRoots(place(folder.path)), [
    { path: path('a'), holder },
    { path: path('b'), holder },
  ]);
});

test('a collection sees what is added while it goes on, also of those who end meanwhile', async () => {
  using folder = temporaryFolder();
  const reader = new TemporaryRootsReader(place(folder.path));
  const read = () => Array.from(reader.read(), root => root.path);
  const collector = openSync(join(folder.path, collectorLockName), 'a');
  try {
    assert.ok(tryLockFile(collector, 'exclusive'));
    {
      using roots = new TemporaryRoots(folder.path, defaultStoreDir);
      await roots.add([path('a')]);
      assert.deepEqual(read(), [path('a')]);
      await roots.add([path('b')]);
    }
    assert.deepEqual(read(), [path('b')]);
    assert.deepEqual(read(), []);
    assert.deepEqual(readTemporaryRoots(place(folder.path)), []);
    assert.deepEqual(visible(folder.path), [String(process.pid)]);
  } finally {
    closeSync(collector);
  }
});

test('roots are not written during a batch, and before the next one once somebody waits', async () => {
  using folder = temporaryFolder();
  using roots = new TemporaryRoots(folder.path, defaultStoreDir);
  using sweeper = new RootsLock(realFileSystem, folder.path);
  const order: string[] = [];
  const lock = openSync(join(folder.path, '.lock'), 'a');
  assert.ok(tryLockFile(lock, 'exclusive'));
  const added = roots.add([path('a')]).then(() => order.push('added'));
  const aborted = roots.add([path('b')], AbortSignal.abort());
  await assert.rejects(aborted, { name: 'AbortError' });
  const swept = sweeper.exclusive(() => order.push(`swept, ${readTemporaryRoots(place(folder.path)).length} roots`));
  closeSync(lock);
  await Promise.all([added, swept]);
  assert.deepEqual(order, ['added', 'swept, 1 roots']);
});
