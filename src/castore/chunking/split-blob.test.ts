import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LyingBlobStore, noise, readWhole } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { type Digest, digestOf, emptyDigest } from '../digest.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import { type SpliceOptions, spliceBlob, splitBlob } from './split-blob.ts';

function refusedWith(code: CastoreErrorCode): (error: unknown) => boolean {
  return error => error instanceof CastoreError && error.code === code;
}

async function splice(store: MemoryBlobStore, chunks: readonly Digest[], options?: SpliceOptions): Promise<Digest> {
  await using batch = store.batch();
  const digest = await spliceBlob(store, chunks, batch, options);
  await batch.commit();
  return digest;
}

describe('splitBlob and spliceBlob', () => {
  test('take a blob apart and put it together', async () => {
    const store = new MemoryBlobStore();
    const bytes = noise(3_000_000, 1);
    const digest = await putBlob(store, bytes);
    const chunks = await splitBlob(store, digest, { averageSize: 65_536 });
    assert(chunks !== undefined && chunks.length > 20);
    assert.deepEqual(await store.findMissing(chunks), []);
    const pieces = await Promise.all(chunks.map(chunk => readWhole(store, chunk)));
    assert(Buffer.concat(pieces).equals(bytes));
    assert(store.delete(digest));
    assert.deepEqual(await splice(store, chunks, { expected: digest }), digest);
    assert(bytes.equals(await readWhole(store, digest)));
  });

  test('leave a small blob whole', async () => {
    const store = new MemoryBlobStore();
    const digest = await putBlob(store, noise(2 * 1024 * 1024 - 1, 1));
    assert.deepEqual(await splitBlob(store, digest), [digest]);
    assert.deepEqual(await splitBlob(store, emptyDigest), [emptyDigest]);
    assert.deepEqual(await splice(store, [digest], { expected: digest }), digest);
    assert.deepEqual(await splice(store, []), emptyDigest);
    assert.deepEqual(await splice(store, [emptyDigest], { expected: emptyDigest }), emptyDigest);
  });

  test('say undefined of an absent blob', async () => {
    const store = new MemoryBlobStore();
    assert.equal(await splitBlob(store, digestOf(noise(10, 1))), undefined);
    assert.equal(await splitBlob(store, digestOf(noise(3_000_000, 1))), undefined);
  });

  test('refuse a blob that is not what it should be', async () => {
    const digest = digestOf(noise(3_000_000, 1));
    for (const bytes of [noise(3_000_000, 2), noise(2_999_999, 1), noise(3_000_001, 1)]) {
      const store = new LyingBlobStore(digest, bytes);
      const target = new MemoryBlobStore();
      store.batch = () => target.batch();
      await assert.rejects(() => splitBlob(store, digest), refusedWith('digest/mismatch'));
      assert.deepEqual(target.digests, [emptyDigest]);
    }
  });

  test('refuse chunks that do not make up the blob', async () => {
    const store = new MemoryBlobStore();
    const [a, b] = [await putBlob(store, noise(10, 1)), await putBlob(store, noise(10, 2))];
    const expected = digestOf(Buffer.concat([noise(10, 1), noise(10, 2)]));
    for (const chunks of [[a], [b, a], [a, b, b], []]) {
      await assert.rejects(() => splice(store, chunks, { expected }), refusedWith('digest/mismatch'));
    }
    assert.deepEqual(await splice(store, [a, b], { expected }), expected);
    assert.deepEqual(await splice(store, [a, b]), expected);
  });

  test('name the chunk that is missing', async () => {
    const store = new MemoryBlobStore();
    const [a, b] = [await putBlob(store, noise(10, 1)), digestOf(noise(10, 2))];
    await assert.rejects(
      () => splice(store, [a, b]),
      (error: unknown) => {
        assert(error instanceof CastoreError);
        assert.equal(error.code, 'blob/missing');
        assert(error.message.includes(b.hash));
        return true;
      },
    );
  });
});
