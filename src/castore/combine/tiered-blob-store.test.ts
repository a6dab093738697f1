import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { CountingBlobStore, LyingBlobStore, blobStoreSuite, noise, opened, readWhole } from '../../testing/index.ts';
import { type ReadOptions, putBlob } from '../blob-store.ts';
import { type Digest, digestOf } from '../digest.ts';
import { CastoreError } from '../error.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import { TieredBlobStore, type Tiers } from './tiered-blob-store.ts';

for (const writes of ['both', 'near', 'far'] as const) {
  blobStoreSuite(
    `TieredBlobStore, writes to ${writes}`,
    opened(() => new TieredBlobStore({ near: new MemoryBlobStore(), far: new MemoryBlobStore(), writes })),
  );
}
blobStoreSuite(
  'TieredBlobStore that fills only little',
  opened(
    () =>
      new TieredBlobStore({ near: new MemoryBlobStore(), far: new MemoryBlobStore(), writes: 'far', fillLimit: 100 }),
  ),
);

const sizes = [0, 10, 1_000_000, 3_000_000];

describe('TieredBlobStore', () => {
  function tiers(options: Partial<Tiers> = {}) {
    const near = new MemoryBlobStore();
    const far = new MemoryBlobStore();
    const countingNear = new CountingBlobStore(near);
    const countingFar = new CountingBlobStore(far);
    const store = new TieredBlobStore({ near: countingNear, far: countingFar, ...options });
    return { near, far, countingNear, countingFar, store };
  }

  test('copies to near what is read from far, once', async () => {
    for (const size of sizes) {
      const { near, far, countingFar, store } = tiers();
      const bytes = noise(size, size);
      const digest = await putBlob(far, bytes);
      const reads = await Promise.all([
        ...Array.from({ length: 10 }, () => store.get(digest)),
        ...Array.from({ length: 10 }, () => readWhole(store, digest)),
        readWhole(store, digest, { offset: 5, length: 10 }).then(() => bytes),
      ]);
      for (const read of reads) assert(bytes.equals(read ?? assert.fail('absent')));
      assert.equal(countingFar.counts.get + countingFar.counts.open, size === 0 ? 0 : 1);
      assert(bytes.equals((await near.get(digest)) ?? assert.fail('not copied')));
      await store.get(digest);
      assert.equal(countingFar.counts.get + countingFar.counts.open, size === 0 ? 0 : 1);
    }
  });

  test('adds to both, or to the chosen one', async () => {
    for (const writes of ['both', 'near', 'far'] as const) {
      const { near, far, store } = tiers({ writes });
      await using batch = store.batch();
      const digests = [await batch.put(noise(10, 1)), await batch.putStream([noise(10, 2), noise(3_000_000, 3)])];
      await batch.commit();
      assert.deepEqual(await near.findMissing(digests), writes === 'far' ? digests : []);
      assert.deepEqual(await far.findMissing(digests), writes === 'near' ? digests : []);
    }
  });

  test('does not copy what is beyond the limit', async () => {
    const { near, far, store } = tiers({ fillLimit: 99 });
    const digest = await putBlob(far, noise(100, 1));
    assert.deepEqual(await readWhole(store, digest), noise(100, 1));
    assert.equal((await store.get(digest))?.byteLength, 100);
    assert.equal(await near.get(digest), undefined);
  });

  test('reads from far when near cannot take the blob', async () => {
    for (const size of sizes.slice(1)) {
      const failures: unknown[] = [];
      const { far, countingNear, store } = tiers({ onFillFailure: error => failures.push(error) });
      const digest = await putBlob(far, noise(size, size));
      countingNear.batchFailure = new Error('disk full');
      assert.deepEqual(await readWhole(store, digest), noise(size, size));
      assert.equal((await store.get(digest))?.byteLength, size);
      assert.deepEqual(failures, [countingNear.batchFailure, countingNear.batchFailure]);
    }
  });

  test('serves nothing that far gives wrongly', async () => {
    for (const size of sizes.slice(1)) {
      const digest = digestOf(noise(size, 1));
      const near = new MemoryBlobStore();
      const store = new TieredBlobStore({ near, far: new LyingBlobStore(digest, noise(size, 2)) });
      const mismatch = (error: unknown) => error instanceof CastoreError && error.code === 'digest/mismatch';
      await assert.rejects(() => store.get(digest), mismatch);
      await assert.rejects(() => store.open(digest), mismatch);
      assert.equal(await near.get(digest), undefined);
    }
  });

  test('a reader that is aborted leaves the others their copy; the last one ends it', async () => {
    const reason = new Error('no longer wanted');
    const { near, far, countingFar, store } = tiers();
    const digest = await putBlob(far, noise(1000, 1));
    countingFar.turns = 20;
    const first = new AbortController();
    const leaving = store.get(digest, { signal: first.signal });
    const staying = store.get(digest);
    await setImmediate();
    first.abort(reason);
    await assert.rejects(() => leaving, reason);
    assert.equal((await staying)?.byteLength, 1000);

    near.delete(digest);
    const last = new AbortController();
    const only = store.get(digest, { signal: last.signal });
    await setImmediate();
    last.abort(reason);
    await assert.rejects(() => only, reason);
    for (let turns = 0; turns < 25; turns++) await setImmediate();
    assert.equal(await near.get(digest), undefined);
    assert.equal((await store.get(digest))?.byteLength, 1000);
  });

  test('bounds how many blobs are copied at a time', async () => {
    const { far, countingFar, store } = tiers({ concurrency: 3 });
    const digests = [];
    for (let i = 0; i < 20; i++) digests.push(await putBlob(far, noise(100, i)));
    countingFar.turns = 2;
    await Promise.all(digests.map(digest => store.get(digest)));
    assert.equal(countingFar.most, 3);
  });

  test('an addition that fails in one store fails, whichever it is', async () => {
    for (const broken of ['near', 'far'] as const) {
      const { near, far, countingNear, countingFar, store } = tiers();
      const failure = new Error('disk full');
      (broken === 'near' ? countingNear : countingFar).putFailure = failure;
      let closed = false;
      const source = async function* () {
        try {
          for (let i = 0; i < 10; i++) yield await Promise.resolve(noise(1000, i));
        } finally {
          closed = true;
        }
      };
      await using batch = store.batch();
      await assert.rejects(() => batch.putStream(source()), failure);
      assert(closed);
      await assert.rejects(() => batch.put(noise(10, 1)), failure);
      assert.equal(near.digests.length + far.digests.length, 2);
    }
  });

  test('reads from far what near has and cannot serve, wherever that breaks off, and says so', async () => {
    for (const size of sizes.slice(1)) {
      const bytes = noise(size, size);
      const near = new BreakingBlobStore();
      const far = new MemoryBlobStore();
      const failures: string[] = [];
      const store = new TieredBlobStore({
        near,
        far,
        onNearFailure: (digest, error) => failures.push(`${digest.size} ${String(error)}`),
      });
      const digest = await putBlob(near, bytes);
      await assert.rejects(store.get(digest), /injected/);
      await assert.rejects(readWhole(store, digest), /injected/);
      await putBlob(far, bytes);
      failures.length = 0;
      assert(bytes.equals((await store.get(digest)) ?? assert.fail('absent')));
      for (const breakAt of [0, 1, size - 1]) {
        near.breakAt = breakAt;
        assert(bytes.equals(await readWhole(store, digest)));
        assert(bytes.subarray(5, 9).equals(await readWhole(store, digest, { offset: 5, length: 4 })));
      }
      near.breakAt = 'open';
      assert(bytes.equals(await readWhole(store, digest)));
      assert(failures.length >= 5 && failures.every(text => text === `${size} CastoreError: injected`));
    }
  });

  test('passes on what is not the trouble of one blob', async () => {
    const near = new BreakingBlobStore();
    near.error = new CastoreError('data-folder/corrupt', 'injected');
    const store = new TieredBlobStore({ near, far: near });
    await assert.rejects(store.get(await putBlob(near, noise(10, 1))), near.error);
  });
});

/** Has blobs and serves none of them whole. */
class BreakingBlobStore extends MemoryBlobStore {
  breakAt: number | 'open' = 0;
  error = new CastoreError('digest/mismatch', 'injected');

  override get(): Promise<never> {
    return Promise.reject(this.error);
  }

  override async open(digest: Digest, options?: ReadOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { breakAt, error } = this;
    if (breakAt === 'open') throw error;
    const chunks = await super.open(digest, options);
    return (
      chunks &&
      (async function* () {
        for await (const chunk of chunks) {
          if (breakAt > 0) yield chunk.subarray(0, Math.min(breakAt, chunk.byteLength));
          if (breakAt < chunk.byteLength) throw error;
        }
      })()
    );
  }
}
