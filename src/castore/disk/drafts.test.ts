import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, byteStringOf } from '../../base/index.ts';
import {
  type FaultPlan,
  type TestTree,
  faultyFileSystem,
  TreeRecorder,
  noise,
  playTree,
  temporaryFolder,
  testTrees,
} from '../../testing/index.ts';
import { CastoreError } from '../error.ts';
import type { Node } from '../node.ts';
import { streamTree } from '../tree/stream-tree.ts';
import { walkTreeToEnd } from '../tree/walk.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import type { TreeDraft } from './drafts.ts';
import { verifyBlobs } from './verify-blobs.ts';

const text = byteStringFromText;

function file(size: number, seed = size, executable = false): TestTree {
  return { type: 'file', executable, contents: byteStringOf(noise(size, seed)) };
}

function folder(...entries: [string, TestTree][]): TestTree {
  return { type: 'directory', entries: entries.map(([name, tree]) => [text(name), tree] as const) };
}

/** As the events of a tree on disk, its metadata being canonical. */
function eventsOf(path: string): string[] {
  const recorder = new TreeRecorder();
  walkTreeToEnd(path, recorder, {
    opened: ({ mtimeMs, mode }) => assert.deepEqual([mtimeMs, mode & 0o222], [1000, 0]),
  });
  return recorder.events;
}

function expectedEvents(tree: TestTree): string[] {
  const recorder = new TreeRecorder();
  playTree(tree, recorder);
  return recorder.events;
}

async function add(
  store: DiskBlobStore,
  tree: TestTree,
  place: { readonly target: string; readonly old?: string },
): Promise<Node> {
  await using batch = store.batch();
  const draft = await batch.draft({ renew: place.old !== undefined });
  playTree(tree, draft);
  const root = await batch.finishDraft(draft);
  await store.commitAll([batch], {
    places: new Map([[draft, { old: undefined, ...place }]]),
    notPlaced: (_, error) => assert.fail(error),
  });
  return root;
}

async function assertSound(store: DiskBlobStore): Promise<void> {
  assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
}

describe('a draft', () => {
  test('becomes a checkout and the blobs of its tree', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    let serial = 0;
    await fc.assert(
      fc.asyncProperty(testTrees, async tree => {
        const target = join(place.path, String(serial++));
        const root = await add(store, tree, { target });
        assert.deepEqual(eventsOf(target), expectedEvents(tree));
        const recorder = new TreeRecorder();
        await streamTree(store, root, recorder);
        assert.deepEqual(recorder.events, expectedEvents(tree));
      }),
      { numRuns: 60 },
    );
    await assertSound(store);
  });

  test('is made by a thread where it is large', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    const many = Array.from({ length: 300 }, (_, i): [string, TestTree] => [`f${String(i).padStart(3, '0')}`, file(i)]);
    const tree = folder(['huge', file(3_000_000)], ['many', folder(...many)], ['run', file(20_000, 1, true)]);
    const target = join(place.path, 'out');
    await add(store, tree, { target });
    assert.deepEqual(eventsOf(target), expectedEvents(tree));
    await add(store, folder(['small', file(5)]), { target: join(place.path, 'other') });
    await assertSound(store);
    assert.equal(lstatSync(target).mode & 0o777, 0o555);
    assert.equal(lstatSync(target).mtimeMs, 1000);
  });

  test('shares large files with other checkouts, and keeps small ones to itself', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    const tree = folder(['a', file(100_000, 1)], ['b', file(100_000, 1)], ['c', file(100, 1)], ['d', file(100, 1)]);
    const inodes: number[] = [];
    for (const name of ['one', 'two']) {
      await add(store, tree, { target: join(place.path, name) });
      for (const entry of ['a', 'b', 'c', 'd']) inodes.push(lstatSync(join(place.path, name, entry)).ino);
    }
    const [a] = inodes;
    assert.deepEqual([inodes[1], inodes[4], inodes[5]], [a, a, a]);
    assert.equal(new Set([inodes[2], inodes[3], inodes[6], inodes[7]]).size, 4);
    await assertSound(store);
  });

  test('shares small files where that is wanted', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'), { linksSmallFiles: true });
    const tree = folder(['a', file(100, 1)], ['b', file(100, 1)], ['empty', file(0)]);
    for (const name of ['one', 'two']) await add(store, tree, { target: join(place.path, name) });
    const files = ['one/a', 'one/b', 'two/a', 'two/b'].map(name => lstatSync(join(place.path, name)).ino);
    assert.equal(new Set(files).size, 1);
    await assertSound(store);
  });

  test('links to nothing that somebody wrote to', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    const tree = folder(['large', file(50_000)]);
    const root = await add(store, tree, { target: join(place.path, 'one') });
    const written = join(place.path, 'one', 'large');
    chmodSync(written, 0o644);
    writeFileSync(written, noise(50_000, 9));
    chmodSync(written, 0o444);
    await add(store, tree, { target: join(place.path, 'two') });
    assert.deepEqual(eventsOf(join(place.path, 'two')), expectedEvents(tree));
    const recorder = new TreeRecorder();
    await streamTree(store, root, recorder);
    assert.deepEqual(recorder.events, expectedEvents(tree));
    await assertSound(store);
  });

  test('takes the place of another, and its files those of its blobs', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    const tree = folder(['large', file(50_000)]);
    const [target, old] = [join(place.path, 'out'), join(place.path, 'old')];
    const root = await add(store, tree, { target });
    const damaged = join(target, 'large');
    chmodSync(damaged, 0o644);
    writeFileSync(damaged, noise(50_000, 9));
    chmodSync(damaged, 0o444);
    // Nothing shows that it is damaged.
    utimesSync(damaged, 1, 1);
    await add(store, tree, { target, old });
    assert.deepEqual(eventsOf(target), expectedEvents(tree));
    assert.ok(readFileSync(join(old, 'large')).equals(noise(50_000, 9)));
    const recorder = new TreeRecorder();
    await streamTree(store, root, recorder);
    assert.deepEqual(recorder.events, expectedEvents(tree));
    await assertSound(store);
  });

  test('is removed unless it is placed', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    const drafts: TreeDraft[] = [];
    for (const size of [10, 2_000_000]) {
      await using batch = store.batch();
      const draft = await batch.draft();
      draft.startDirectory();
      draft.entry(text('a'));
      draft.startFile(false, size);
      draft.fileData(noise(size, 1));
      draft.endFile();
      if (size > 10) await draft.drain();
      drafts.push(draft);
    }
    {
      await using batch = store.batch();
      const draft = await batch.draft();
      playTree(folder(['a', file(100)]), draft);
      await batch.finishDraft(draft);
      drafts.push(draft);
      const target = join(place.path, 'absent', 'folder');
      const errors: Error[] = [];
      await store.commitAll([batch], {
        places: new Map([[draft, { target, old: undefined }]]),
        notPlaced: (_, error) => void errors.push(error),
      });
      assert.match(String(errors), /ENOENT/);
    }
    for (const { path } of drafts) assert.ok(!existsSync(path));
    assert.deepEqual(readdirSync(place.path), ['data']);
    assert.equal(store.folder.database.get('SELECT count(*) AS count FROM blobs')?.['count'], 0);
  });

  test('of a process that was killed goes with its temporary folder, though its folders are sealed', async () => {
    using place = temporaryFolder();
    const data = join(place.path, 'data');
    await using store = new DiskBlobStore(data);
    const left = join(data, 'tmp', '1-left');
    mkdirSync(join(left, '0', 'tree', 'sealed'), { recursive: true });
    writeFileSync(join(left, '0', 'tree', 'sealed', 'file'), '');
    writeFileSync(join(left, 'lock'), '');
    chmodSync(join(left, '0', 'tree', 'sealed'), 0o555);
    store.folder.removeStaleTemporaries();
    assert.ok(!existsSync(left));
  });

  test('refuses events that no tree has', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    const bad: ((draft: TreeDraft) => void)[] = [
      draft => draft.endDirectory(),
      draft => draft.entry(text('a')),
      draft => draft.startDirectory(),
      draft => (draft.startDirectory(), draft.symlink(text('a'))),
      draft => (draft.startDirectory(), draft.entry(text('..'))),
      draft => (draft.startDirectory(), draft.entry(text('a/b'))),
      draft => (draft.startDirectory(), draft.entry(text('b')), draft.symlink(text('x')), draft.entry(text('a'))),
      draft => draft.symlink(text('')),
      draft => (draft.startFile(false, 3), draft.fileData(noise(4, 1))),
      draft => (draft.startFile(false, 3), draft.fileData(noise(2, 1)), draft.endFile()),
      draft => (draft.startFile(false, 0), draft.startFile(false, 0)),
      draft => (draft.startFile(false, 0), draft.endFile(), draft.startFile(false, 0)),
    ];
    for (const send of bad) {
      await using batch = store.batch();
      const draft = await batch.draft();
      send(draft);
      await assert.rejects(batch.finishDraft(draft), CastoreError, send.toString());
    }
  });

  test('tells whoever sends it what has gone wrong, soon', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    await using batch = store.batch();
    const draft = await batch.draft();
    // In the way.
    mkdirSync(draft.path, { recursive: true });
    const send = async () => {
      draft.startFile(false, 1e12);
      for (;;) {
        draft.fileData(noise(100_000, 1));
        await draft.drain();
        await new Promise(setImmediate);
      }
    };
    await assert.rejects(send(), /EEXIST/);
  });

  test('is not recorded when the system cannot sync it', async () => {
    for (const failAt of [0, 1]) {
      using place = temporaryFolder();
      const plan: FaultPlan = { calls: 0, failAt, errno: 'EIO', only: new Set(['syncFileSystem']) };
      const options = { fileSystem: faultyFileSystem(plan) };
      await using store = new DiskBlobStore(join(place.path, 'data'), options);
      const tree = folder(...Array.from({ length: 9 }, (_, i): [string, TestTree] => [`f${i}`, file(i + 1)]));
      await assert.rejects(add(store, tree, { target: join(place.path, 'out') }), /EIO/);
      assert.equal(store.folder.database.get('SELECT count(*) AS count FROM blobs')?.['count'], 0);
    }
  });

  test('has the file of its blob like any other', async () => {
    using place = temporaryFolder();
    await using store = new DiskBlobStore(join(place.path, 'data'));
    const root = await add(store, file(30, 1, true), { target: join(place.path, 'out') });
    assert.ok(root.kind === 'file');
    assert.equal(lstatSync(store.pathOf(root)).ino, lstatSync(join(place.path, 'out')).ino);
    assert.equal(lstatSync(store.pathOf(root)).mode & 0o777, 0o555);
  });
});
