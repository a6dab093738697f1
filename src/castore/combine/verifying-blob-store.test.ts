import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LyingBlobStore, blobStoreSuite, noise, opened, readWhole } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { digestOf } from '../digest.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import { VerifyingBlobStore } from './verifying-blob-store.ts';

blobStoreSuite(
  'VerifyingBlobStore',
  opened(() => new VerifyingBlobStore(new MemoryBlobStore())),
);
blobStoreSuite(
  'VerifyingBlobStore with a spool',
  opened(() => new VerifyingBlobStore(new MemoryBlobStore(), { memoryLimit: 1000, spool: new MemoryBlobStore() })),
);

function refusedWith(code: CastoreErrorCode): (error: unknown) => boolean {
  return error => error instanceof CastoreError && error.code === code;
}

describe('VerifyingBlobStore', () => {
  const right = noise(3_000_000, 1);
  const changed = Uint8Array.from(right).fill(0, 2_999_999);
  const lies: readonly (readonly [string, Uint8Array])[] = [
    ['other bytes', changed],
    ['fewer bytes', right.subarray(0, -1)],
    ['more bytes', Buffer.concat([right, Buffer.of(0)])],
    ['no bytes', new Uint8Array(0)],
  ];
  for (const [why, bytes] of lies) {
    for (const spool of [undefined, new MemoryBlobStore()]) {
      test(`never serves ${why}${spool === undefined ? '' : ', through a spool'}`, async () => {
        const digest = digestOf(right);
        const liar = new LyingBlobStore(digest, bytes);
        const store = new VerifyingBlobStore(liar, spool === undefined ? {} : { memoryLimit: 1000, spool });
        await assert.rejects(() => store.get(digest), refusedWith('digest/mismatch'));
        await assert.rejects(() => store.open(digest), refusedWith('digest/mismatch'));
        await assert.rejects(() => store.open(digest, { offset: 10, length: 10 }), refusedWith('digest/mismatch'));
        if (spool !== undefined) assert.equal(await spool.get(digest), undefined);
      });
    }
  }

  test('refuses to read a large blob without a spool', async () => {
    const inner = new MemoryBlobStore();
    const digest = await putBlob(inner, right);
    const store = new VerifyingBlobStore(inner, { memoryLimit: 1000 });
    await assert.rejects(() => store.open(digest), refusedWith('blob/too-large'));
    assert.deepEqual(await readWhole(new VerifyingBlobStore(inner, { memoryLimit: 3_000_000 }), digest), right);
  });
});
