import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { encodeDirectory } from '../directory.ts';
import { DiskBlobStore } from '../disk/disk-blob-store.ts';
import { BlobMarks } from './blob-marks.ts';
import { HeldRoots, protectedAge } from './holds.ts';
import { sweepBlobs } from './sweep-blobs.ts';

const hour = 3_600_000;
const bytes = (text: string) => Buffer.from(text);

function openStore() {
  const folder = temporaryFolder();
  const store = new DiskBlobStore(`${folder.path}/data`);
  return {
    store,
    collect: async () => {
      const marks = new BlobMarks(store);
      const held = new HeldRoots(store.folder.database);
      await marks.mark(held.next());
      return sweepBlobs(store, marks, { newRoots: () => held.next() });
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

test('a hold keeps blobs, and directories with what is below them, until it is released', async () => {
  await using rig = openStore();
  const { store } = rig;
  const [file, log, dead] = [
    await putBlob(store, bytes('file')),
    await putBlob(store, bytes('log')),
    await putBlob(store, bytes('dead')),
  ];
  const entries = [{ name: byteStringFromText('a'), node: { kind: 'file', digest: file, executable: false } as const }];
  const directory = await putBlob(store, encodeDirectory({ entries }));
  const hold = store.holds.add('test', { blobs: [log], directories: [directory], size: 10 });
  assert.deepEqual(store.holds.rootsOf(hold), { blobs: [log], directories: [directory] });
  await rig.collect();
  assert.deepEqual(await store.findMissing([file, log, dead, directory]), [dead]);
  store.holds.release(hold);
  await rig.collect();
  assert.deepEqual(await store.findMissing([file, log, directory]), [file, log, directory]);
});

test('holds end when they were not used for long, and the oldest where they are too much', async () => {
  await using rig = openStore();
  const { holds } = rig.store;
  const now = Date.now();
  const add = (owner: string, age: number, size = 10) =>
    holds.add(owner, { blobs: [], directories: [], size }, now - age);
  holds.setLimits('test', { maxAge: 24 * 3600, maxSize: 30 });
  const [old, first, second, third, fresh] = [
    add('test', 25 * hour),
    add('test', 9 * hour),
    add('test', 8 * hour),
    add('test', 7 * hour),
    add('test', 0),
  ];
  const other = add('other', 25 * hour, 100);
  assert.deepEqual([holds.isDue(first, now - 2 * hour), holds.isDue(first, now - 9 * hour)], [true, false]);
  holds.touch(first, now - 2 * hour);
  const left = () => rig.store.folder.database.all('SELECT id FROM holds ORDER BY id').map(({ id }) => id);
  assert.equal(holds.expire(now), 2);
  assert.deepEqual(left(), [first, third, fresh, other]);
  // What may just be in use stays.
  const busy = add('test', 0, 100);
  assert.equal(holds.expire(now), 2);
  assert.deepEqual(left(), [fresh, other, busy]);
  assert.equal(holds.expire(now + 2 * protectedAge * 1000), 2);
  assert.deepEqual(left(), [other]);
  assert.ok(old < second);
});

test('what belongs to a hold goes with it', async () => {
  await using rig = openStore();
  const { database } = rig.store.folder;
  const migrations = [
    'CREATE TABLE things (name TEXT, hold INTEGER NOT NULL UNIQUE REFERENCES holds (id) ON DELETE CASCADE)',
  ];
  database.use({ name: 'things', migrations });
  database.use({ name: 'things', migrations });
  const hold = rig.store.holds.add('things', { blobs: [], directories: [], size: 0 });
  database.run('INSERT INTO things VALUES (?, ?)', 'x', hold);
  rig.store.holds.release(hold);
  assert.equal(database.get('SELECT 1 FROM things'), undefined);
});
