import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { tryLockFile } from '../../../base/index.ts';
import { verifyBlobs } from '../../../castore/index.ts';
import { type StorePath, joinStorePath } from '../../../nix-compat/index.ts';
import {
  addTestDerivation,
  addTestPath,
  addTestRoot,
  listTestStore,
  openLocalStoreIn,
  out,
  recordReports,
  temporaryFolder,
} from '../../../testing/index.ts';
import { outputIds } from '../../derivations/derivation-outputs.ts';
import { StoreError, type StoreErrorCode } from '../../error.ts';
import type { LocalStore } from '../local-store.ts';
import { trashName } from './trash.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;
const invalid = (letter: string, name = 'x') => joinStorePath(letter.repeat(32), name);

/** With its own folder. What is added is held until `letGo`, as long as a process would that adds. */
function openStore() {
  const folder = temporaryFolder();
  const { reporter, reports } = recordReports();
  const store = openLocalStoreIn(folder.path, reporter);
  return {
    store,
    folder: folder.path,
    at: (...names: string[]) => join(folder.path, ...names),
    messages: () => reports.flatMap(report => (report.kind === 'log' ? [report.text] : [])),
    letGo: () => store.temporaryRoots[Symbol.dispose](),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** The store says the truth about these paths, and has nothing else. */
async function assertExactly(store: LocalStore, folder: string, paths: readonly StorePath[]): Promise<void> {
  const sorted = paths.toSorted();
  assert.deepEqual(await store.index.allPaths(), sorted);
  assert.deepEqual(listTestStore(folder), sorted);
  assert.deepEqual(await Array.fromAsync(verifyBlobs(store.blobs)), []);
  for (const path of sorted) {
    const name = path.slice(33);
    assert.equal(readFileSync(join(folder, 'store', path, 'small'), 'latin1'), `small ${name}`);
    assert.equal(lstatSync(join(folder, 'store', path, 'large')).nlink, 2);
  }
  assert.equal(readBlobFiles(folder).length, sorted.length * 2);
}

function readBlobFiles(folder: string): string[] {
  const shards = readdirSync(join(folder, 'data', 'blobs'));
  return shards.flatMap(shard => readdirSync(join(folder, 'data', 'blobs', shard)));
}

describe('a collection', () => {
  test('deletes paths, checkouts and blobs that nothing keeps', async () => {
    await using rig = openStore();
    const { store, folder } = rig;
    const a = await addTestPath(store, 'a');
    const b = await addTestPath(store, 'b', [a]);
    const c = await addTestPath(store, 'c', [b]);
    const d = await addTestPath(store, 'd', [a]);
    addTestRoot(folder, b);
    addTestRoot(folder, invalid('z'));
    assert.deepEqual(await store.collector.collect(), { paths: [], bytesFreed: 0 });
    assert.deepEqual(await store.collector.liveness(), { live: [a, b, c, d].toSorted(), dead: [] });
    rig.letGo();
    assert.deepEqual(await store.collector.liveness(), { live: [a, b].toSorted(), dead: [c, d].toSorted() });
    const { paths, bytesFreed } = await store.collector.collect();
    assert.deepEqual(paths.toSorted(), [c, d].toSorted());
    // The folders are rows of their own.
    assert.ok(bytesFreed >= 40_000 && bytesFreed < 50_000, `${bytesFreed} bytes`);
    await assertExactly(store, folder, [a, b]);
    const said = rig.messages();
    assert.ok(said.includes(`deleting '${rig.at('store', d)}'`));
    assert.ok(said.some(text => text.startsWith('skipping invalid root from "')));
    unlinkSync(rig.at('data', 'gcroots', 'b'));
    await store.collector.collect();
    await assertExactly(store, folder, []);
  });

  test('removes what others have left in the store directory, but for what is locked or held', async () => {
    await using rig = openStore();
    const { store, at } = rig;
    const a = await addTestPath(store, 'a');
    const b = await addTestPath(store, 'b');
    rig.letGo();
    addTestRoot(rig.folder, a);
    await store.collector.addTemporaryRoots([invalid('h')]);
    for (const path of [a, b, invalid('h'), invalid('k')]) {
      writeFileSync(at('store', `${path}.lock`), '');
      const folder = at('store', `${path}.chroot`, 'sub');
      mkdirSync(join(folder, 'sub'), { recursive: true });
      // From the innermost: only root could make anything in them.
      for (const sealed of [join(folder, 'sub'), folder, dirname(folder)]) chmodSync(sealed, 0o500);
    }
    mkdirSync(at('store', invalid('l')), { mode: 0o500 });
    mkdirSync(at('store', '.links'), { recursive: true });
    writeFileSync(at('store', '.links', '1'), 'unused');
    mkdirSync(at('store', trashName, '0'), { recursive: true });
    mkdirSync(at('store', 'tmp-1-2'));
    mkdirSync(at('store', 'tmp-3-4'));
    const locks = ['tmp-1-2', `${invalid('k')}.lock`].map(name => openSync(at('store', name), 'r'));
    try {
      for (const fd of locks) assert.ok(tryLockFile(fd, 'exclusive'));
      const { dead } = await store.collector.liveness();
      assert.ok(dead.includes(invalid('l')) && !dead.includes(invalid('h', 'x.lock')));
      const { paths } = await store.collector.collect();
      assert.deepEqual(paths.filter(path => !path.includes('.')).toSorted(), [b, invalid('l')].toSorted());
    } finally {
      for (const fd of locks) closeSync(fd);
    }
    assert.deepEqual(
      listTestStore(rig.folder),
      [a, `${invalid('h')}.chroot`, `${invalid('h')}.lock`, `${invalid('k')}.lock`, 'tmp-1-2'].toSorted(),
    );
    assert.deepEqual(readdirSync(at('store', '.links')), []);
  });

  test('deletes chosen paths, all of them or none', async () => {
    await using rig = openStore();
    const { store, folder } = rig;
    const a = await addTestPath(store, 'a');
    const b = await addTestPath(store, 'b', [a]);
    const c = await addTestPath(store, 'c');
    const d = await addTestPath(store, 'd');
    rig.letGo();
    addTestRoot(folder, c);
    for (const paths of [[a], [c], [a, b, c], [d, a]]) {
      await assert.rejects(store.collector.collect({ paths }), code('path/in-use'));
      await assertExactly(store, folder, [a, b, c, d]);
    }
    await assert.rejects(store.collector.collect({ paths: [a], ignoreLiveness: true }), code('path/in-use'));
    assert.deepEqual(
      (await store.collector.collect({ paths: [c, a, b], ignoreLiveness: true })).paths.toSorted(),
      [a, b, c].toSorted(),
    );
    await assertExactly(store, folder, [d]);
    await store.collector.addTemporaryRoots([d]);
    await assert.rejects(store.collector.collect({ paths: [d], ignoreLiveness: true }), code('path/in-use'));
    rig.letGo();
    await store.collector.collect({ paths: [d, invalid('f')] });
    await assertExactly(store, folder, []);
  });

  test('a derivation keeps what realisations say that its outputs are, on request', async () => {
    await using opened = openStore();
    const { store, folder } = opened;
    const output = await addTestPath(store, 'made');
    const floating = { kind: 'floating', method: 'nar', algorithm: 'sha256' } as const;
    const derivation = await addTestDerivation(store, 'floating', { outputs: new Map([[out, floating]]) });
    const id = (await outputIds(store, derivation)).get(out);
    assert.ok(id !== undefined);
    await store.writer.addRealisation({ id, path: output, signatures: [] });
    addTestRoot(folder, derivation);
    opened.letGo();
    await store.collector.collect({ keepOutputs: true });
    assert.deepEqual(await store.index.allPaths(), [derivation, output].toSorted());
    await store.collector.collect();
    assert.deepEqual(await store.index.allPaths(), [derivation]);
  });

  test('stops once more is free than was asked for', async () => {
    await using rig = openStore();
    const { store } = rig;
    const all: StorePath[] = [];
    for (let i = 0; i < 5; i++) all.push(await addTestPath(store, `p${i}`));
    rig.letGo();
    assert.deepEqual((await store.collector.collect({ maxFreed: 0 })).paths, []);
    assert.equal((await store.collector.collect({ maxFreed: 1 })).paths.length, 1);
    assert.equal((await store.collector.collect({ maxFreed: 30_000 })).paths.length, 2);
    assert.ok(rig.messages().includes('deleted more than 30000 bytes; stopping'));
    assert.equal((await store.index.allPaths()).length, 2);
  });

  test('keeps what came to be needed between the snapshot and the sweep', async () => {
    await using rig = openStore();
    const { store, folder } = rig;
    const a = await addTestPath(store, 'a');
    const b = await addTestPath(store, 'b', [a]);
    const c = await addTestPath(store, 'c');
    const d = await addTestPath(store, 'd');
    rig.letGo();
    await using other = openLocalStoreIn(folder);
    execFileSync('mkfifo', [rig.at('fifo')]);
    // The collection waits here, as it does for C++ Nix's tests, until somebody has opened the FIFO and closed it.
    process.env['_NIX_TEST_GC_SYNC_2'] = rig.at('fifo');
    try {
      const collecting = store.collector.collect();
      const fifo = await open(rig.at('fifo'), 'w');
      await other.collector.addTemporaryRoots([b]);
      await addTestPath(other, 'e', [c]);
      // Somebody who makes a link and ends before the sweep.
      const brief = openLocalStoreIn(folder);
      await brief.collector.addIndirectRoot(rig.at('link'), d);
      await brief[Symbol.asyncDispose]();
      await fifo.close();
      assert.deepEqual((await collecting).paths, []);
      const e = (await store.index.allPaths()).find(path => path.endsWith('-e'));
      assert.ok(e !== undefined);
      await assertExactly(store, folder, [a, b, c, d, e]);
      assert.equal(readlinkSync(rig.at('link')), rig.at('store', d));
    } finally {
      delete process.env['_NIX_TEST_GC_SYNC_2'];
    }
    other.temporaryRoots[Symbol.dispose]();
    const { paths } = await store.collector.collect();
    assert.deepEqual(paths.toSorted(), [a, b, c, ...paths.filter(path => path.endsWith('-e'))].toSorted());
    await assertExactly(store, folder, [d]);
  });

  test('keeps what a path refers to that became valid since the snapshot, though nobody holds it', async () => {
    await using rig = openStore();
    const { store } = rig;
    const a = await addTestPath(store, 'a');
    const b = await addTestPath(store, 'b', [a]);
    const c = await addTestPath(store, 'c', [b]);
    const d = await addTestPath(store, 'd');
    rig.letGo();
    execFileSync('mkfifo', [rig.at('fifo')]);
    process.env['_NIX_TEST_GC_SYNC_2'] = rig.at('fifo');
    try {
      const collecting = store.collector.collect();
      const fifo = await open(rig.at('fifo'), 'w');
      const { info, root } = store.paths.require(a);
      store.paths.register([{ info: { ...info, path: invalid('n'), references: [b] }, root }]);
      await fifo.close();
      assert.deepEqual((await collecting).paths.toSorted(), [c, d].toSorted());
      assert.deepEqual(await store.index.allPaths(), [a, b, invalid('n')].toSorted());
      assert.deepEqual(await Array.fromAsync(verifyBlobs(store.blobs)), []);
    } finally {
      delete process.env['_NIX_TEST_GC_SYNC_2'];
    }
  });

  test('goes on where one was interrupted', async () => {
    await using rig = openStore();
    const { store, folder } = rig;
    for (let i = 0; i < 20; i++) await addTestPath(store, `p${i}`);
    rig.letGo();
    const stop = new AbortController();
    const collecting = store.collector.collect({ signal: stop.signal });
    stop.abort();
    await assert.rejects(collecting, { name: 'AbortError' });
    await store.collector.collect();
    await assertExactly(store, folder, []);
  });
});

test('roots are named by who holds them', async () => {
  await using rig = openStore();
  const { store, at } = rig;
  const a = await addTestPath(store, 'a');
  rig.letGo();
  symlinkSync(at('store', a), at('elsewhere'));
  await assert.rejects(store.collector.addIndirectRoot(at('store', 'link'), a), code('root/in-store'));
  writeFileSync(at('file'), '');
  await assert.rejects(store.collector.addIndirectRoot(at('file'), a), code('root/exists'));
  symlinkSync(join('/nonexistent', store.storeDir, 'file'), at('other'));
  await assert.rejects(store.collector.addIndirectRoot(at('other'), a), code('root/exists'));
  unlinkSync(at('other'));
  symlinkSync(join('/nonexistent', store.storeDir, a), at('elsewhere of another'));
  await store.collector.addIndirectRoot(at('elsewhere of another'), a);
  unlinkSync(at('elsewhere of another'));
  await store.collector.addIndirectRoot(at('elsewhere'), a);
  await store.collector.addIndirectRoot(at('new', 'folder', 'link'), a);
  assert.deepEqual((await store.collector.findRoots()).map(root => `${root.holder} ${root.path}`).toSorted(), [
    `${at('elsewhere')} ${a}`,
    `${at('new', 'folder', 'link')} ${a}`,
    `{temp:${process.pid}} ${a}`,
  ]);
  const censored = await store.collector.findRoots({ censor: true });
  assert.equal(censored.filter(root => root.holder === '{censored}').length, 1);
  rig.letGo();
  unlinkSync(at('elsewhere'));
  assert.deepEqual(await store.collector.findRoots(), [{ path: a, holder: at('new', 'folder', 'link') }]);
  assert.equal(readdirSync(at('data', 'gcroots', 'auto')).length, 1);
  assert.ok(!existsSync(at('elsewhere')));
});
