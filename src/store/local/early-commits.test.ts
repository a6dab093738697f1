import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { type TreeSink, teeTree } from '../../base/index.ts';
import { type FileSystem, realFileSystem } from '../../castore/index.ts';
import { type StorePath, parseStoreDir } from '../../nix-compat/index.ts';
import { faultyFileSystem, openLocalStoreIn, temporaryFolder } from '../../testing/index.ts';
import { addToStore, hashTree } from './add-to-store.ts';
import { commitStaged } from './commit-staged.ts';
import { LocalStore } from './local-store.ts';
import type { StagedPath } from './staged-path.ts';
import { TreeStaging } from './tree-staging.ts';

const { signal } = new AbortController();

function sendFile(sink: TreeSink, text: string): void {
  const contents = Buffer.from(text);
  sink.startFile(false, contents.byteLength);
  sink.fileData(contents);
  sink.endFile();
}

/** A plain file that could become valid. */
async function stage(store: LocalStore, text: string, references: readonly StorePath[] = []): Promise<StagedPath> {
  await using staging = await TreeStaging.begin(store, { signal, atOnce: true });
  const { sink, finish } = hashTree(store, { name: 'text', references: { others: [...references], self: false } });
  sendFile(teeTree(sink, staging.receiver), text);
  return { info: finish(), ...(await staging.finish()) };
}

/** Undefined if it was not early. */
async function commitEarly(store: LocalStore, staged: StagedPath): Promise<{ settled: Promise<void> } | undefined> {
  let settled: Promise<void> | undefined;
  await commitStaged(store, new Map([[staged.info.path, staged]]), {
    repair: false,
    signal,
    early: promise => void (settled = promise),
  });
  return settled === undefined ? undefined : { settled };
}

/** How many paths other processes find valid. */
function countPaths(folder: string): unknown {
  using database = new DatabaseSync(join(folder, 'data', 'db', 'db.sqlite'), { readOnly: true });
  return database.prepare('SELECT count(*) AS count FROM paths').get()?.['count'];
}

function openWith(folder: string, fileSystem: FileSystem): LocalStore {
  const storeDir = join(folder, 'store');
  return new LocalStore({
    dataFolder: join(folder, 'data'),
    storeDir: parseStoreDir(storeDir),
    realStoreDir: storeDir,
    fileSystem,
  });
}

describe('paths that are valid early', () => {
  test('are it for this process at once, for others when they are durable', async () => {
    using folder = temporaryFolder();
    await using store = openLocalStoreIn(folder.path);
    const first = await stage(store, 'first');
    const early = await commitEarly(store, first);
    assert.ok(store.paths.isValid(first.info.path));
    assert.ok(existsSync(store.realPath(first.info.path)));
    const second = await stage(store, 'second', [first.info.path]);
    const next = await commitEarly(store, second);
    assert.ok(store.paths.isValid(second.info.path));
    assert.equal(countPaths(folder.path), 0);
    await early?.settled;
    await next?.settled;
    assert.equal(countPaths(folder.path), 2);
    const { root } = store.paths.require(first.info.path);
    assert.ok(root?.kind === 'file');
    assert.equal(Buffer.from((await store.blobs.get(root.digest)) ?? []).toString(), 'first');
  });

  test('are in the castore for whoever asks for their trees', async () => {
    using folder = temporaryFolder();
    await using store = openLocalStoreIn(folder.path);
    const staged = await stage(store, 'text');
    assert.notEqual(await commitEarly(store, staged), undefined);
    const root = await store.rootOf(staged.info.path);
    assert.ok(root.kind === 'file');
    assert.equal(Buffer.from((await store.blobs.get(root.digest)) ?? []).toString(), 'text');
  });

  test('are never valid if they cannot be made durable', async () => {
    using folder = temporaryFolder();
    for (const only of ['fdatasync', 'fsync']) {
      const plan = { calls: 0, failAt: 0, errno: 'EIO' as const, only: new Set([only]) };
      await using store = openWith(folder.path, faultyFileSystem(plan));
      const staged = await stage(store, only);
      const { path } = staged.info;
      const early = await commitEarly(store, staged);
      assert.ok(store.paths.isValid(path));
      await assert.rejects(early?.settled ?? Promise.resolve(), { code: 'EIO' });
      assert.ok(!store.paths.isValid(path), only);
      assert.ok(!existsSync(store.realPath(path)), only);
      assert.ok(!existsSync(`${store.realPath(path)}.lock`), only);
      // What comes then is not concerned.
      await (
        await commitEarly(store, await stage(store, only))
      )?.settled;
      assert.ok(store.paths.isValid(path), only);
    }
    assert.equal(countPaths(folder.path), 2);
  });

  test('make what is added meanwhile wait', async () => {
    using folder = temporaryFolder();
    await using store = openLocalStoreIn(folder.path);
    assert.notEqual(await commitEarly(store, await stage(store, 'early')), undefined);
    await addToStore(store, async sink => sendFile(sink, 'other'), { name: 'other' });
    assert.equal(countPaths(folder.path), 2);
  });

  test('are durable when the store is closed', async () => {
    using folder = temporaryFolder();
    {
      await using store = openLocalStoreIn(folder.path);
      await commitEarly(store, await stage(store, 'early'));
    }
    assert.equal(countPaths(folder.path), 1);
  });

  test('there are none where this process would wait for itself', async () => {
    using folder = temporaryFolder();
    await using store = openLocalStoreIn(folder.path);
    await using other = openWith(folder.path, realFileSystem);
    const staged = await stage(store, 'late');
    assert.equal(await commitEarly(store, staged), undefined);
    assert.ok(other.paths.isValid(staged.info.path));
  });
});
