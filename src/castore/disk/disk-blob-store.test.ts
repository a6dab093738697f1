import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { blobStoreSuite, noise, temporaryFolder } from '../../testing/index.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { putBlob } from '../blob-store.ts';
import { digestOf } from '../digest.ts';
import { checkoutTree } from '../tree/checkout.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { type FileSystem, realFileSystem } from './file-system.ts';
import { lockAgainstCollection } from './gc-lock.ts';

blobStoreSuite('DiskBlobStore', async () => {
  const folder = temporaryFolder();
  const store = new DiskBlobStore(join(folder.path, 'data'));
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
});

const code = (expected: CastoreErrorCode) => (error: unknown) =>
  error instanceof CastoreError && error.code === expected;
const small = Buffer.from('small');
const large = noise(100_000, 1);
const huge = noise(3_000_000, 2);

describe('data folder', () => {
  test('keeps blobs from one process to the next', async () => {
    using folder = temporaryFolder();
    const digests = [];
    {
      await using store = new DiskBlobStore(folder.path);
      for (const blob of [small, large, huge]) digests.push(await putBlob(store, blob));
    }
    await using store = new DiskBlobStore(folder.path);
    assert.deepEqual(await store.findMissing(digests), []);
    for (const [i, blob] of [small, large, huge].entries())
      assert.deepEqual(Buffer.from((await store.get(digests[i]!))!), blob);
  });

  test('leaves no temporary file behind, and removes those of the dead', async () => {
    using folder = temporaryFolder();
    {
      await using store = new DiskBlobStore(folder.path);
      await using batch = store.batch();
      await batch.put(huge);
    }
    assert.deepEqual(readdirSync(join(folder.path, 'tmp')), []);
    const dead = join(folder.path, 'tmp', '1-dead');
    mkdirSync(dead);
    writeFileSync(join(dead, 'lock'), '');
    writeFileSync(join(dead, '0'), 'half a blob');
    const young = join(folder.path, 'tmp', '2-young');
    mkdirSync(young);
    {
      await using store = new DiskBlobStore(folder.path);
      await using other = new DiskBlobStore(folder.path);
      await putBlob(store, large);
      await putBlob(other, huge);
      assert.equal(readdirSync(join(folder.path, 'tmp')).length, 3);
    }
    assert.deepEqual(readdirSync(join(folder.path, 'tmp')), ['2-young']);
  });

  test('files have the canonical mode and time, whatever the umask', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    await using batch = store.batch();
    const plain = await batch.put(large);
    const program = await batch.put(huge, { executable: true });
    await batch.commit();
    const nodes = [plain, program].map((digest, i) => ({ kind: 'file', digest, executable: i === 1 }) as const);
    await store.prepareFiles(nodes);
    for (const node of nodes) {
      const { mode, mtimeMs, nlink } = statSync(store.pathOf(node));
      assert.deepEqual([mode & 0o7777, mtimeMs, nlink], [node.executable ? 0o555 : 0o444, 1000, 1]);
    }
  });

  test('a blob gets the file of the other mode when it is wanted', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const digests = [await putBlob(store, small), await putBlob(store, huge), await putBlob(store, Buffer.alloc(0))];
    const nodes = digests.flatMap(digest =>
      [true, false].map(executable => ({ kind: 'file', digest, executable }) as const),
    );
    await store.prepareFiles(nodes);
    await store.prepareFiles(nodes);
    for (const node of nodes) {
      assert.equal(readFileSync(store.pathOf(node)).byteLength, node.digest.size);
      assert.equal(statSync(store.pathOf(node)).mode & 0o111, node.executable ? 0o111 : 0);
    }
    const absent = { kind: 'file', digest: { ...digests[0]!, size: 9 }, executable: false } as const;
    await assert.rejects(store.prepareFiles([absent]), code('blob/missing'));
  });

  test('another program, a newer format and rubbish are refused by name', () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'db'), { recursive: true });
    const foreign = new DatabaseSync(join(folder.path, 'db/db.sqlite'));
    foreign.exec('CREATE TABLE ValidPaths (id INTEGER)');
    foreign.close();
    assert.throws(() => new DiskBlobStore(folder.path), code('data-folder/foreign'));
    assert.deepEqual(readdirSync(folder.path), ['db'], 'nothing was made in the other one’s folder');
    rmSync(join(folder.path, 'db'), { recursive: true });
    writeFileSync(join(folder.path, 'format'), '2\n');
    assert.throws(() => new DiskBlobStore(folder.path), code('data-folder/newer-format'));
    writeFileSync(join(folder.path, 'format'), 'two');
    assert.throws(() => new DiskBlobStore(folder.path), code('data-folder/foreign'));
    writeFileSync(join(folder.path, 'format'), '1\n');
    mkdirSync(join(folder.path, 'db'));
    writeFileSync(
      join(folder.path, 'db/db.sqlite'),
      'no database at all, but long enough to be read as a header of one '.repeat(20),
    );
    assert.throws(() => new DiskBlobStore(folder.path), code('data-folder/corrupt'));
    assert.throws(() => new DiskBlobStore(join(folder.path, 'format', 'below')), code('data-folder/unusable'));
  });
});

describe('a damaged blob', () => {
  const damage: [string, (path: string) => void][] = [
    ['overwritten', path => writeFileSync(path, noise(huge.byteLength, 3))],
    ['cut short', path => writeFileSync(path, huge.subarray(0, 2_000_000))],
    ['lengthened', path => writeFileSync(path, Buffer.concat([huge, small]))],
  ];
  for (const [name, harm] of damage) {
    for (const blob of [large, huge]) {
      test(`of ${blob.byteLength} bytes, ${name}, is never served`, async () => {
        using folder = temporaryFolder();
        await using store = new DiskBlobStore(folder.path);
        const digest = await putBlob(store, blob);
        const path = store.pathOf({ kind: 'file', digest, executable: false });
        chmodSync(path, 0o644);
        harm(path);
        await assert.rejects(store.get(digest), code('digest/mismatch'));
        await assert.rejects(
          (async () => {
            for await (const _ of (await store.open(digest)) ?? []);
          })(),
          code('digest/mismatch'),
        );
      });
    }
  }

  test('is not damaged by a touch', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const digest = await putBlob(store, huge);
    utimesSync(store.pathOf({ kind: 'file', digest, executable: false }), 5, 5);
    assert.deepEqual(Buffer.from((await store.get(digest))!), huge);
  });

  test('whose file is gone is absent, and can be added again', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    for (const blob of [large, huge]) {
      const digest = await putBlob(store, blob);
      rmSync(store.pathOf({ kind: 'file', digest, executable: false }));
      assert.equal(await store.get(digest), undefined);
      await putBlob(store, blob);
      rmSync(store.pathOf({ kind: 'file', digest, executable: false }));
      assert.equal(await store.open(digest), undefined);
      assert.deepEqual(await store.findMissing([digest]), [digest]);
      await putBlob(store, blob);
      assert.ok(existsSync(store.pathOf({ kind: 'file', digest, executable: false })));
    }
  });
});

describe('several at once', () => {
  test('a temporary folder that another takes for a dead one before it is locked is made again', async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, 'data');
    await using first = new DiskBlobStore(data);
    let meddled = false;
    const fileSystem: FileSystem = {
      ...realFileSystem,
      openSync(path, flags, mode) {
        const fd = realFileSystem.openSync(path, flags, mode);
        if (flags === 'wx' && !meddled) {
          meddled = true;
          using _ = new DiskBlobStore(data).folder;
          _.temporaryFolder();
        }
        return fd;
      },
    };
    await using second = new DiskBlobStore(data, { fileSystem });
    await putBlob(second, large);
    assert(meddled);
    assert(existsSync(join(second.folder.temporaryFolder(), 'lock')));
    assert.deepEqual(await first.findMissing([digestOf(large)]), []);
  });

  test('an addition that was aborted while it waited for a collection does not end its batch', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    await using batch = store.batch();
    {
      using _collection = await lockAgainstCollection(store.folder, 'exclusive');
      await assert.rejects(batch.put(small, { signal: AbortSignal.timeout(5) }), { name: 'AbortError' });
    }
    await batch.put(small);
    await batch.commit();
  });
});

describe('files that checkouts link', () => {
  const bytes = noise(20_000, 3);
  const node = { kind: 'file', digest: digestOf(bytes), executable: false } as const;

  test('are not linked once somebody has written to them', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    await putBlob(store, bytes);
    const out = join(folder.path, 'out');
    chmodSync(store.pathOf(node), 0o644);
    writeFileSync(store.pathOf(node), noise(20_000, 4));
    await assert.rejects(checkoutTree(store, node, out, { files: store }), code('digest/mismatch'));
    writeFileSync(store.pathOf(node), bytes);
    await checkoutTree(store, node, out, { files: store });
    assert.deepEqual(readFileSync(out), Buffer.from(bytes));
    assert.equal(statSync(out).mtimeMs, 1000);
  });

  test('are missed by name when they are gone, and made again from another that is there', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    await putBlob(store, bytes);
    await store.prepareFiles([{ ...node, executable: true }]);
    rmSync(store.pathOf(node));
    await store.prepareFiles([node]);
    assert.deepEqual(readFileSync(store.pathOf(node)), Buffer.from(bytes));
    rmSync(store.pathOf(node));
    rmSync(store.pathOf({ ...node, executable: true }));
    await assert.rejects(store.prepareFiles([node]), code('blob/missing'));
  });
});
