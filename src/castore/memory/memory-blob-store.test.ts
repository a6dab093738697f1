import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blobStoreSuite } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { emptyDigest } from '../digest.ts';
import { MemoryBlobStore } from './memory-blob-store.ts';

blobStoreSuite('MemoryBlobStore', () =>
  Promise.resolve({ store: new MemoryBlobStore(), [Symbol.asyncDispose]: () => Promise.resolve() }),
);

test('MemoryBlobStore forgets what is deleted, but not the empty blob', async () => {
  const store = new MemoryBlobStore();
  const digest = await putBlob(store, Buffer.from('x'));
  assert.deepEqual(store.digests, [emptyDigest, digest]);
  assert.equal(store.delete({ ...digest, size: 2 }), false);
  assert.equal(store.delete(digest), true);
  assert.equal(store.delete(digest), false);
  assert.equal(store.delete(emptyDigest), false);
  assert.equal(await store.get(digest), undefined);
  assert.equal((await store.get(emptyDigest))?.byteLength, 0);
});
