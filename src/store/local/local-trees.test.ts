import assert from 'node:assert/strict';
import { chmodSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { walkNodes } from '../../castore/index.ts';
import { type StorePath, equalHashes } from '../../nix-compat/index.ts';
import { TreeRecorder, addTestPath, openLocalStoreIn, temporaryFolder } from '../../testing/index.ts';
import { hashContents } from '../hash-contents.ts';
import { StoreError } from '../error.ts';
import type { LocalStore } from './local-store.ts';

/** A store that has a path at its place alone, and one that has it as stores do. */
async function openBoth() {
  const folder = temporaryFolder();
  const stores = new AsyncDisposableStack();
  stores.defer(() => folder[Symbol.dispose]());
  const source = stores.use(openLocalStoreIn(join(folder.path, 'source')));
  const store = stores.use(openLocalStoreIn(join(folder.path, 'store')));
  const path = await addTestPath(source, 'tree');
  cpSync(source.realPath(path), store.realPath(path), { recursive: true });
  const { info } = source.paths.require(path);
  store.paths.register([{ info, root: undefined }]);
  return { source, store, path, [Symbol.asyncDispose]: () => stores.disposeAsync() };
}

async function recordTree(store: LocalStore, path: StorePath) {
  const recorder = new TreeRecorder();
  await store.streamPath(path, recorder);
  return recorder;
}

const isMismatch = (error: unknown) => error instanceof StoreError && error.code === 'path/hash-mismatch';

describe('a tree that is at its place alone', () => {
  test('is read from there', async () => {
    await using both = await openBoth();
    const { source, store, path } = both;
    assert.equal(store.paths.require(path).root, undefined);
    assert.deepEqual(await recordTree(store, path), await recordTree(source, path));
    const tree = await store.openTree(path);
    assert.equal((await tree.lookup([]))?.type, 'directory');
    assert.ok(equalHashes(await hashContents(store, path), store.paths.require(path).info.narHash));
    assert.equal(store.paths.require(path).root, undefined);
  });

  test('is taken into the castore when that is asked for it, and kept', async () => {
    await using both = await openBoth();
    const { source, store, path } = both;
    const root = await store.rootOf(path);
    assert.deepEqual(root, await source.rootOf(path));
    assert.deepEqual(store.paths.require(path).root, root);
    await store.collector.addTemporaryRoots([path]);
    await store.collector.collect();
    assert.equal(await store.upkeep.verify({ checkContents: true }), false);
    for await (const visit of walkNodes(store.blobs, root, '')) {
      if (visit.step === 'node' && visit.node.kind === 'file')
        assert.deepEqual(await store.blobs.findMissing([visit.node.digest]), []);
    }
  });

  test('is neither taken nor sent as something else than it was', async () => {
    await using both = await openBoth();
    const { store, path } = both;
    const place = store.realPath(path);
    chmodSync(place, 0o755);
    writeFileSync(join(place, 'added'), '');
    await assert.rejects(store.rootOf(path), isMismatch);
    await assert.rejects(recordTree(store, path), isMismatch);
    assert.equal(store.paths.require(path).root, undefined);
    assert.equal(await store.upkeep.verify({ checkContents: true }), true);
  });

  test('is neither repaired while it is right nor linked to anything', async () => {
    await using both = await openBoth();
    const { store, path } = both;
    await store.upkeep.repair(path);
    assert.deepEqual(await store.upkeep.optimise(), { filesLinked: 0, bytesFreed: 0 });
    assert.equal(store.paths.require(path).root, undefined);
  });

  test('is verified where it is, and collected with the others', async () => {
    await using both = await openBoth();
    const { store, path } = both;
    assert.equal(await store.upkeep.verify({ checkContents: true }), false);
    assert.deepEqual((await store.collector.collect()).paths, [path]);
    assert.deepEqual(store.paths.all(), []);
  });
});
