import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CountingBlobStore, blobStoreSuite, noise, opened } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import { CachingBlobStore } from './caching-blob-store.ts';

blobStoreSuite(
  'CachingBlobStore',
  opened(() => new CachingBlobStore(new MemoryBlobStore())),
);
blobStoreSuite(
  'CachingBlobStore of few bytes',
  opened(() => new CachingBlobStore(new MemoryBlobStore(), { total: 1000 })),
);
blobStoreSuite(
  'CachingBlobStore of no bytes',
  opened(() => new CachingBlobStore(new MemoryBlobStore(), { total: 0 })),
);

test('CachingBlobStore reads a blob once', async () => {
  const store = new CountingBlobStore(new MemoryBlobStore());
  const cache = new CachingBlobStore(store);
  const digest = await putBlob(cache, noise(1000, 1));
  const blobs = await Promise.all(Array.from({ length: 20 }, () => cache.get(digest)));
  assert.deepEqual(new Set(blobs.map(bytes => bytes?.byteLength)), new Set([1000]));
  for await (const chunk of (await cache.open(digest)) ?? []) assert.equal(chunk.byteLength, 1000);
  assert.deepEqual(store.counts, { findMissing: 0, get: 1, open: 0, batch: 1 });
});

test('CachingBlobStore forgets what was not used for longest', async () => {
  const store = new CountingBlobStore(new MemoryBlobStore());
  const cache = new CachingBlobStore(store, { total: 5000 });
  const digests = [];
  for (let i = 0; i < 4; i++) digests.push(await putBlob(cache, noise(1000, i)));
  const [a, b, c, d] = digests;
  assert(a && b && c && d);
  for (const digest of [a, b, c, a, d]) await cache.get(digest);
  assert.equal(store.counts.get, 4);
  await cache.get(a);
  assert.equal(store.counts.get, 4);
  await cache.get(b);
  assert.equal(store.counts.get, 5);
});

test('CachingBlobStore keeps no large blobs and no absence', async () => {
  const store = new CountingBlobStore(new MemoryBlobStore());
  const cache = new CachingBlobStore(store, { blob: 100 });
  const large = await putBlob(cache, noise(101, 1));
  await cache.get(large);
  await cache.get(large);
  assert.equal(store.counts.get, 2);
  const later = noise(50, 2);
  const digest = await putBlob(new MemoryBlobStore(), later);
  assert.equal(await cache.get(digest), undefined);
  await putBlob(store, later);
  assert.deepEqual(Buffer.from((await cache.get(digest)) ?? []), later);
});

test('CachingBlobStore passes on failures without keeping them', async () => {
  const inner = new MemoryBlobStore();
  const digest = await putBlob(inner, noise(10, 1));
  const store = new CountingBlobStore(inner);
  const cache = new CachingBlobStore(store);
  const failure = new Error('unreachable');
  store.failure = failure;
  await assert.rejects(() => cache.get(digest), failure);
  store.failure = undefined;
  assert.equal((await cache.get(digest))?.byteLength, 10);
});
