import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { importTree, walkTree, walkTreeToEnd } from '../../castore/index.ts';
import {
  type ContentAddressMethod,
  type HashAlgorithm,
  NarWriter,
  encodeBase64,
  hashBytes,
  parseStorePath,
} from '../../nix-compat/index.ts';
import { TreeRecorder, temporaryFolder } from '../../testing/index.ts';
import { StoreError, type StoreErrorCode } from '../error.ts';
import { addToStore } from './add-to-store.ts';
import type { TreeSource } from '../store.ts';
import { LocalStore } from './local-store.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;

const checkoutsIn = (folder: string) => readdirSync(folder).filter(name => name !== '.links');

function openStore() {
  const folder = temporaryFolder();
  const store = new LocalStore({ dataFolder: join(folder.path, 'data'), realStoreDir: join(folder.path, 'store') });
  return {
    store,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

function makeSource(folder: string): string {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'sub'), { recursive: true });
  writeFileSync(join(tree, 'sub', 'file'), 'hello\n');
  writeFileSync(join(tree, 'run'), '#!/bin/sh\n');
  chmodSync(join(tree, 'run'), 0o755);
  symlinkSync('sub/file', join(tree, 'link'));
  return tree;
}

const from =
  (path: string): TreeSource =>
  async (sink, drain) => {
    for (const _ of walkTree(path, sink)) await drain();
  };

/** What C++ Nix 2.34.8 names the tree of `makeSource` and parts of it: `nix-store --add`, `--add-fixed`, `nix store add`. */
const vectors: [part: string, ContentAddressMethod, HashAlgorithm, path: string][] = [
  ['.', 'nar', 'sha256', 'bfq4x7g3llqaaxd0v6026lydzv9iq427-tree'],
  ['.', 'nar', 'sha1', 'aiaadcgdjks40yb3rlwhbk8wf5aw37sy-tree'],
  ['.', 'nar', 'sha512', 'a10dlns5fpn3bs4z5508fpax91bq2r5h-tree'],
  ['.', 'git', 'sha1', 'r1n5x97776bpy62kcghb02flhicxbd68-tree'],
  ['.', 'git', 'sha256', '9dr5xpgz4pw4cbj9wps0nyp9n2388f2r-tree'],
  ['sub/file', 'flat', 'sha256', '1vap48aqggkk52ijn2prxzxv7cnzvs0w-file'],
  ['sub/file', 'text', 'sha256', 'cp3621sjm1jkjzpl9iip5vrnmiqaxzmf-file'],
  ['run', 'flat', 'sha256', '9q533j0pd00jvfqqlclqnnnjf8dsxjgk-run'],
];

describe('adding to the local store', () => {
  for (const [part, method, algorithm, expected] of vectors) {
    test(`${part} by ${method} and ${algorithm}`, async () => {
      await using opened = openStore();
      const { store } = opened;
      const source = join(makeSource(opened.folder), part);
      const info = await addToStore(store, from(source), { name: expected.slice(33), method, algorithm });
      assert.equal(info.path, expected);
      const chunks: Buffer[] = [];
      await store.streamPath(info.path, new NarWriter(chunk => chunks.push(Buffer.from(chunk))));
      const nar = Buffer.concat(chunks);
      assert.equal(nar.byteLength, info.narSize);
      assert.equal(encodeBase64(hashBytes('sha256', nar).digest), encodeBase64(info.narHash.digest));

      const [recorded, checkedOut] = [new TreeRecorder(), new TreeRecorder()];
      await store.streamPath(info.path, recorded);
      walkTreeToEnd(store.realPath(info.path), checkedOut);
      assert.deepEqual(checkedOut.events, recorded.events);
      assert.deepEqual(checkoutsIn(store.realStoreDir), [expected]);
    });
  }

  test('a second time changes nothing, even if the checkout is another one by now', async () => {
    await using opened = openStore();
    const { store } = opened;
    const source = from(makeSource(opened.folder));
    const { path, registrationTime } = await addToStore(store, source, { name: 'x' });
    const { ino } = lstatSync(store.realPath(path));
    assert.deepEqual((await addToStore(store, source, { name: 'x' })).registrationTime, registrationTime);
    assert.equal(lstatSync(store.realPath(path)).ino, ino);
  });

  test('two at a time makes one', async () => {
    await using opened = openStore();
    const { store } = opened;
    const source = from(makeSource(opened.folder));
    const infos = await Promise.all(Array.from({ length: 4 }, () => addToStore(store, source, { name: 'x' })));
    assert.equal(new Set(infos.map(({ path }) => path)).size, 1);
    assert.equal(checkoutsIn(store.realStoreDir).length, 1);
  });

  test('replaces what lies in the store directory without being valid', async () => {
    await using opened = openStore();
    const { store } = opened;
    const leftover = store.realPath(parseStorePath('bfq4x7g3llqaaxd0v6026lydzv9iq427-tree'));
    mkdirSync(join(leftover, 'half'), { recursive: true });
    const { path } = await addToStore(store, from(makeSource(opened.folder)), { name: 'tree' });
    assert.equal(readFileSync(join(store.realPath(path), 'link'), 'utf8'), 'hello\n');
    assert.throws(() => readdirSync(join(leftover, 'half')));
  });

  test('a tree by a method for single files is refused, and nothing is there', async () => {
    await using opened = openStore();
    const { store } = opened;
    const source = from(makeSource(opened.folder));
    await assert.rejects(addToStore(store, source, { name: 'x', method: 'flat' }), code('content/not-flat'));
    assert.deepEqual([store.paths.all(), checkoutsIn(store.realStoreDir)], [[], []]);
  });

  test('a path whose reference is absent is not made valid', async () => {
    await using opened = openStore();
    const { store } = opened;
    const absent = parseStorePath(`${'a'.repeat(32)}-absent`);
    const adding = addToStore(store, from(makeSource(opened.folder)), {
      name: 'x',
      references: { others: [absent], self: false },
    });
    await assert.rejects(adding, code('path/missing-reference'));
    assert.deepEqual([store.paths.all(), checkoutsIn(store.realStoreDir)], [[], []]);
  });
});

test('a file that was added is one blob with the file in a store path', async () => {
  await using opened = openStore();
  const { store } = opened;
  const source = makeSource(opened.folder);
  const { path } = await addToStore(store, from(source), { name: 'x' });
  await using batch = store.blobs.batch();
  assert.deepEqual(await importTree(source, batch), await store.rootOf(path));
});
