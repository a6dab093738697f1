import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byteStringFromText } from '../../base/index.ts';
import { type FaultPlan, faultyFileSystem, noise, temporaryFolder } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { type Digest, digestOf, sha256ToBytes } from '../digest.ts';
import { encodeDirectory } from '../directory.ts';
import { DiskBlobStore } from '../disk/disk-blob-store.ts';
import { lockAgainstCollection } from '../disk/gc-lock.ts';
import { verifyBlobs } from '../disk/verify-blobs.ts';
import { foreignDigestOf } from '../foreign/foreign-digest.ts';
import { BlobMarks, type LiveRoots } from './blob-marks.ts';
import { type SweepOptions, type SweepProgress, sweepBlobs } from './sweep-blobs.ts';

/** As rows and as files. */
const sizes = [1, 2, 300, 16_384, 16_385, 20_000, 50_000];

async function putAll(store: DiskBlobStore, lengths: readonly number[]): Promise<Digest[]> {
  await using batch = store.batch();
  const digests: Digest[] = [];
  for (const length of lengths) digests.push(await batch.put(noise(length, length)));
  await batch.commit();
  return digests;
}

async function sweep(store: DiskBlobStore, live: readonly Digest[], options?: SweepOptions) {
  const marks = new BlobMarks(store);
  await marks.mark({ blobs: live });
  return sweepBlobs(store, marks, options);
}

function filesOf(data: string): string[] {
  const shards = readdirSync(join(data, 'blobs'));
  return shards.flatMap(shard => readdirSync(join(data, 'blobs', shard)));
}

const sum = (digests: readonly Digest[]) => digests.reduce((total, { size }) => total + size, 0);

describe('a sweep', () => {
  test('deletes what is not marked, rows and files, and nothing else', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    await fc.assert(
      fc.asyncProperty(fc.subarray(sizes), async kept => {
        const digests = await putAll(store, sizes);
        const live = digests.filter(({ size }) => kept.includes(size));
        const dead = digests.filter(({ size }) => !kept.includes(size));
        const swept = await sweep(store, live);
        assert.deepEqual(swept, { deleted: dead.length, bytesFreed: sum(dead), complete: true });
        assert.deepEqual(await store.findMissing(digests), dead);
        assert.equal(filesOf(folder.path).length, live.filter(({ size }) => size > 16_384).length);
        assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
      }),
      { numRuns: 20 },
    );
  });

  test('of more rows than a page deletes each, and tells how far it is', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const digests = await putAll(
      store,
      Array.from({ length: 10_000 }, (_, i) => i + 1).map(i => i % 500),
    );
    const extra = [];
    {
      await using batch = store.batch();
      for (let i = 0; i < 9000; i++) extra.push(await batch.put(Buffer.from(`blob ${i}`)));
      await batch.commit();
    }
    const told: SweepProgress[] = [];
    const live = extra.filter((_, i) => i % 3 === 0);
    const swept = await sweep(store, live, { onProgress: progress => told.push(progress) });
    assert.equal(swept.deleted, 6000 + 499);
    assert.deepEqual(await store.findMissing(live), []);
    assert.equal((await store.findMissing(digests)).length, 499);
    const last = told.at(-1);
    assert.deepEqual([last?.done, last?.total, last?.deleted], [6499, 6499, 6499]);
  });

  test('keeps what has come to life since it was marked', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const [file] = await putAll(store, [30_000]);
    assert.ok(file !== undefined);
    const node = { kind: 'file', digest: file, executable: false } as const;
    const digest = await putBlob(store, encodeDirectory({ entries: [{ name: byteStringFromText('file'), node }] }));
    const other = await putBlob(store, noise(5, 5));
    let asked = 0;
    const newRoots = (): LiveRoots => (asked++, { nodes: [{ kind: 'directory', digest }], blobs: [other] });
    assert.equal((await sweep(store, [], { newRoots })).deleted, 0);
    assert.ok(asked > 0);
    assert.deepEqual(await store.findMissing([file, digest, other]), []);
  });

  test('asks for new roots while nothing can be added, and lets additions pass between batches', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    await putAll(store, sizes);
    const added = Promise.withResolvers<Digest>();
    const states: string[] = [];
    let began = false;
    const newRoots = async (): Promise<LiveRoots> => {
      if (!began) {
        began = true;
        void putBlob(store, noise(9, 9)).then(added.resolve, added.reject);
        // An addition that had the lock would have been done by the time that this one has waited for the disk.
        await new Promise(resolve => setImmediate(resolve));
        states.push((await store.findMissing([digestOf(noise(9, 9))])).length === 1 ? 'waits' : 'passed');
      }
      return {};
    };
    await sweep(store, [], { newRoots });
    await added.promise;
    assert.deepEqual(states, ['waits']);
    assert.deepEqual(await store.findMissing([digestOf(noise(9, 9))]), []);
  });

  test('takes nothing that a batch counts on, which it waits for', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    const [old] = await putAll(store, [20_000]);
    assert.ok(old !== undefined);
    const roots: Digest[] = [];
    let sweeping: Promise<unknown>;
    {
      await using batch = store.batch();
      await batch.put(noise(20_000, 20_000));
      sweeping = sweep(store, [], { newRoots: () => ({ blobs: roots }) });
      const signal = AbortSignal.timeout(30);
      await assert.rejects(lockAgainstCollection(store.folder, 'exclusive', signal));
      assert.deepEqual(await store.findMissing([old]), []);
      await batch.commit();
      roots.push(old);
    }
    await sweeping;
    assert.deepEqual(await store.findMissing([old]), []);
  });

  test('stops when enough is free, and says that it is not complete', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const digests = await putAll(store, sizes);
    assert.deepEqual(await sweep(store, [], { maxFreed: 0 }), { deleted: 0, bytesFreed: 0, complete: false });
    assert.deepEqual(await sweep(store, [], { maxTime: 0 }), { deleted: 0, bytesFreed: 0, complete: false });
    const swept = await sweep(store, [], { maxFreed: 30_000 });
    assert.ok(!swept.complete && swept.bytesFreed >= 30_000 && swept.bytesFreed < 30_000 + 50_000);
    assert.equal((await store.findMissing(digests)).length, swept.deleted);
    const rest = await sweep(store, []);
    assert.deepEqual(rest, { deleted: 7 - swept.deleted, bytesFreed: sum(digests) - swept.bytesFreed, complete: true });
  });

  test('counts no bytes of a file that is linked elsewhere', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    const [digest] = await putAll(store, [20_000]);
    assert.ok(digest !== undefined);
    linkSync(store.pathOf({ kind: 'file', digest, executable: false }), join(folder.path, 'checkout'));
    assert.deepEqual(await sweep(store, []), { deleted: 1, bytesFreed: 0, complete: true });
  });

  test('removes both files of a blob, files without rows, and what dead processes left', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const digests = await putAll(store, [20_000, 5, 30_000]);
    const nodes = digests.flatMap(digest =>
      [true, false].map(executable => ({ kind: 'file', digest, executable }) as const),
    );
    await store.prepareFiles(nodes);
    const [, , live] = digests;
    assert.ok(live !== undefined);
    const orphan = { kind: 'file', digest: digestOf(noise(7, 7)), executable: true } as const;
    mkdirSync(dirname(store.pathOf(orphan)), { recursive: true });
    writeFileSync(store.pathOf(orphan), noise(7, 7));
    const dead = join(folder.path, 'tmp', '1-dead');
    mkdirSync(dead);
    writeFileSync(join(dead, 'lock'), '');
    const swept = await sweep(store, [live]);
    assert.deepEqual(swept, { deleted: 2, bytesFreed: 2 * 20_000 + 2 * 5 + 7, complete: true });
    assert.equal(filesOf(folder.path).length, 2);
    assert.ok(!readdirSync(join(folder.path, 'tmp')).includes('1-dead'));
    assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
  });

  test('forgets what the dead are called elsewhere', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const [live, dead] = await putAll(store, [5, 6]);
    assert.ok(live !== undefined && dead !== undefined);
    const foreign = (size: number) => foreignDigestOf(noise(size, size), 'blake3');
    await store.blobAliases.record([
      { foreign: foreign(5), digest: live },
      { foreign: foreign(6), digest: dead },
    ]);
    await store.directoryAliases.record([
      { foreign: foreign(7), digest: live, canonical: true },
      { foreign: foreign(8), digest: dead, canonical: true },
    ]);
    await sweep(store, [live]);
    assert.deepEqual(await store.blobAliases.find([foreign(5), foreign(6)]), [live, undefined]);
    assert.deepEqual(await store.directoryAliases.find([foreign(7), foreign(8)]), [live, undefined]);
  });

  test('gives back what the database no longer needs', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const live: Digest[] = [];
    {
      await using batch = store.batch();
      for (let i = 0; i < 6000; i++) {
        const digest = await batch.put(noise(10_000, i));
        if (i % 5 === 0) live.push(digest);
      }
      await batch.commit();
    }
    const pages = () => Number(store.folder.database.get('PRAGMA page_count')?.['page_count']);
    const before = pages();
    await sweep(store, live);
    assert.ok(pages() < before / 2, `${pages()} of ${before} pages`);
    assert.deepEqual(await store.findMissing(live), []);
    assert.equal(store.folder.database.get('PRAGMA integrity_check')?.['integrity_check'], 'ok');
  });

  test('ends when it is aborted', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const digests = await putAll(store, sizes);
    await assert.rejects(sweep(store, [], { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.deepEqual(await store.findMissing(digests), []);
  });

  test('does not begin when the roots that are new cannot be marked', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const digests = await putAll(store, sizes);
    const newRoots = () => Promise.reject(new Error('no roots'));
    await assert.rejects(sweep(store, [], { newRoots }), /no roots/);
    assert.deepEqual(await store.findMissing(digests), []);
    await putBlob(store, noise(77, 77));
  });
});

describe('a sweep whose n-th file-system call fails', () => {
  for (const errno of ['EIO', 'EROFS'] as const) {
    test(`with ${errno} loses nothing that is live, and the next one finishes`, async () => {
      using folder = temporaryFolder();
      for (let failAt = 0, complete = false; !complete; failAt++) {
        const data = join(folder.path, String(failAt));
        const plan: FaultPlan = { calls: 0, failAt: Infinity, errno };
        let live: Digest[];
        {
          await using store = new DiskBlobStore(data, { fileSystem: faultyFileSystem(plan) });
          const digests = await putAll(store, sizes);
          const orphan = store.pathOf({ kind: 'file', digest: digestOf(noise(7, 7)), executable: true });
          mkdirSync(dirname(orphan), { recursive: true });
          writeFileSync(orphan, '');
          live = digests.filter((_, i) => i % 3 === 0);
          plan.failAt = plan.calls + failAt;
          try {
            ({ complete } = await sweep(store, live));
          } catch (error) {
            assert.match(String(error), new RegExp(errno));
          }
          complete &&= plan.failed === undefined;
          plan.failAt = Infinity;
        }
        await using store = new DiskBlobStore(data);
        assert.deepEqual(await store.findMissing(live), []);
        for await (const { kind } of verifyBlobs(store)) assert.equal(kind, 'orphan');
        await sweep(store, live);
        assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
        const { count } = store.folder.database.get('SELECT count(*) AS count FROM blobs') ?? {};
        assert.equal(count, live.length);
        for (const digest of live) assert.ok(store.isPresent(digest.hash), sha256ToBytes(digest.hash).toString('hex'));
      }
    });
  }
});
