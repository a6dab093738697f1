import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { walkTreeToEnd } from '../../../castore/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { NarHasher } from '../../content-hasher.ts';
import type { HashedTree } from './hash-tree.ts';
import { hashTrees } from './hash-trees.ts';

test('trees are hashed, on this thread or on others, with the inodes of their files', async () => {
  using folder = temporaryFolder();
  const trees = Array.from({ length: 20 }, (_, at) => join(folder.path, `tree${at}`));
  for (const tree of trees) {
    mkdirSync(tree);
    writeFileSync(join(tree, 'a'), tree);
    writeFileSync(join(tree, 'b'), '');
  }
  for (const count of [1, trees.length]) {
    const results = new Map<number, HashedTree>();
    const absent = join(folder.path, 'absent');
    await hashTrees([...trees.slice(0, count), absent], async (result, index) => void results.set(index, result));
    assert.equal(results.size, count + 1);
    for (const [index, result] of results) {
      const tree = trees[index];
      if (index === count || tree === undefined) {
        assert.ok(result.kind === 'failed' && result.code === 'ENOENT');
        continue;
      }
      const hasher = new NarHasher();
      walkTreeToEnd(tree, hasher.sink);
      assert.ok(result.kind === 'hashed');
      assert.deepEqual(Buffer.from(result.digest), Buffer.from(hasher.finish().digest));
      assert.deepEqual([...result.inodes], [statSync(join(tree, 'a')).ino, statSync(join(tree, 'b')).ino]);
    }
  }
});

test('whoever takes the results can end it', async () => {
  using folder = temporaryFolder();
  const trees = Array.from({ length: 20 }, (_, at) => join(folder.path, `tree${at}`));
  for (const tree of trees) writeFileSync(tree, tree);
  await assert.rejects(
    hashTrees(trees, async () => {
      throw new Error('enough');
    }),
    /enough/,
  );
  const stop = AbortSignal.abort(new Error('stopped'));
  await assert.rejects(
    hashTrees(trees, async () => {}, { signal: stop }),
    /stopped/,
  );
});

test('a large tree is read by a thread while it is hashed', async () => {
  using folder = temporaryFolder();
  const tree = join(folder.path, 'tree');
  mkdirSync(tree);
  for (let at = 0; at < 30; at++) writeFileSync(join(tree, `${at}`), Buffer.alloc(at * 20_001, at));
  const results: HashedTree[] = [];
  const sizeOf = () => 1e9;
  await hashTrees([tree, join(folder.path, 'absent')], async result => void results.push(result), { sizeOf });
  const [hashed, absent] = results;
  const hasher = new NarHasher();
  walkTreeToEnd(tree, hasher.sink);
  assert.ok(hashed?.kind === 'hashed' && hashed.inodes.length === 30);
  assert.deepEqual(Buffer.from(hashed.digest), Buffer.from(hasher.finish().digest));
  assert.ok(absent?.kind === 'failed' && absent.code === 'ENOENT');
  const stop = new AbortController();
  const hashing = hashTrees([tree], async () => {}, { sizeOf, signal: stop.signal });
  stop.abort(new Error('stopped'));
  await assert.rejects(hashing, /stopped/);
});
