import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type FaultPlan, faultyFileSystem, noise, temporaryFolder } from '../../testing/index.ts';
import { type Digest, formatDigest } from '../digest.ts';
import type { DiskBlobBatch } from './disk-blob-batch.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { realFileSystem } from './file-system.ts';
import { verifyBlobs } from './verify-blobs.ts';

/** Rows and files, and some that several batches have. */
const sizes = fc.array(fc.array(fc.constantFrom(0, 1, 100, 16_384, 16_385, 40_000), { maxLength: 6 }), {
  maxLength: 5,
});

async function fill(store: DiskBlobStore, batches: DiskBlobBatch[], contents: readonly (readonly number[])[]) {
  const digests: Digest[] = [];
  for (const blobs of contents) {
    const batch = store.batch();
    batches.push(batch);
    for (const size of blobs) digests.push(await batch.put(noise(size, size)));
  }
  return digests;
}

async function disposeAll(batches: readonly DiskBlobBatch[]): Promise<void> {
  for (const batch of batches) await batch[Symbol.asyncDispose]();
}

describe('batches that are committed together', () => {
  test('are all visible, in this process and in the next', async () => {
    using folder = temporaryFolder();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(sizes, async contents => {
        const data = join(folder.path, String(run++));
        let digests: readonly Digest[];
        {
          await using store = new DiskBlobStore(data);
          const batches: DiskBlobBatch[] = [];
          digests = await fill(store, batches, contents);
          await store.commitAll(batches);
          assert.deepEqual(await store.findMissing(digests), []);
          await disposeAll(batches);
        }
        await using store = new DiskBlobStore(data);
        assert.deepEqual(await store.findMissing(digests), []);
        for (const digest of digests) assert.equal((await store.get(digest))?.byteLength, digest.size);
        assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
      }),
      { numRuns: 20 },
    );
  });

  test('cost two syncs and one transaction', async () => {
    using folder = temporaryFolder();
    const calls: string[] = [];
    const fileSystem = {
      ...realFileSystem,
      syncFileSystem: (fd: number) => (calls.push('sync'), realFileSystem.syncFileSystem(fd)),
    };
    await using store = new DiskBlobStore(folder.path, { fileSystem });
    const batches: DiskBlobBatch[] = [];
    await fill(
      store,
      batches,
      Array.from({ length: 12 }, (_, i) => [20_000 + i, i + 1]),
    );
    const transaction = store.folder.database.transaction.bind(store.folder.database);
    store.folder.database.transaction = work => (calls.push('transaction'), transaction(work));
    await store.commitAll(batches);
    assert.deepEqual(calls, ['sync', 'sync', 'transaction']);
    await disposeAll(batches);
  });

  test('are of one store, open, and each there once', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'a'));
    await using other = new DiskBlobStore(join(folder.path, 'b'));
    await using batch = store.batch();
    await using stranger = other.batch();
    await assert.rejects(store.commitAll([batch, stranger]), TypeError);
    await store.commitAll([]);
    await batch.put(noise(20_000, 1));
    await store.commitAll([batch, batch]);
    await assert.rejects(store.commitAll([batch]), TypeError);
    await assert.rejects(batch.put(noise(1, 1)), TypeError);
  });

  for (const errno of ['EIO', 'ENOSPC'] as const) {
    test(`are all absent when the n-th call to the file system fails with ${errno}`, async () => {
      using folder = temporaryFolder();
      const contents = [
        [17_000, 20, 30_000],
        [],
        [18_000, 30, 30_000],
        Array.from({ length: 8 }, (_, i) => 40_000 + i),
      ];
      let plan: FaultPlan;
      for (let failAt = 0, committed = false; !committed; failAt++) {
        const data = join(folder.path, String(failAt));
        plan = { calls: 0, failAt: Infinity, errno, stays: errno === 'ENOSPC' };
        {
          await using store = new DiskBlobStore(data, { fileSystem: faultyFileSystem(plan) });
          const batches: DiskBlobBatch[] = [];
          const digests = await fill(store, batches, contents);
          plan.failAt = plan.calls + failAt;
          committed = await store.commitAll(batches).then(
            () => true,
            (error: unknown) => {
              assert.ok(plan.failed !== undefined, String(error));
              return false;
            },
          );
          const distinct = new Set(digests.map(formatDigest)).size;
          assert.equal((await store.findMissing(digests)).length, committed ? 0 : distinct);
          await disposeAll(batches);
        }
        await using store = new DiskBlobStore(data);
        for await (const { kind } of verifyBlobs(store, { repair: true })) assert.equal(kind, 'orphan');
        const batches: DiskBlobBatch[] = [];
        await fill(store, batches, contents);
        await store.commitAll(batches);
        await disposeAll(batches);
        assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
        for (const drawer of readdirSync(store.folder.temporaryFolder()))
          if (drawer !== 'lock') assert.deepEqual(readdirSync(join(store.folder.temporaryFolder(), drawer)), []);
      }
    });
  }
});
