import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { BlobMarks, DiskBlobStore, LeasedRoots, Leases, foreignDigestOf, sweepBlobs } from '../../castore/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { BlobQuota } from './blob-quota.ts';
import { ServedBlobs } from './served-blobs.ts';

async function open() {
  using owned = new DisposableStack();
  const folder = owned.use(temporaryFolder());
  const store = new DiskBlobStore(join(folder.path, 'data'));
  let seconds = 1000;
  const now = () => seconds * 1000;
  const leases = new Leases(store.folder, { duration: 100, now });
  const faults: unknown[] = [];
  const collected: number[] = [];
  const collect = async (bytes: number) => {
    const leased = new LeasedRoots(store.folder, now);
    const marks = new BlobMarks(store);
    await marks.mark(leased.next());
    const { bytesFreed } = await sweepBlobs(store, marks, { maxFreed: bytes, newRoots: () => leased.next() });
    collected.push(bytesFreed);
  };
  const quota = new BlobQuota(store, { maxSize: 1_000_000, collect, onFault: error => faults.push(error) });
  const blobs = new ServedBlobs(store, leases, quota);
  const kept = owned.move();
  return {
    blobs,
    collected,
    faults,
    put: (bytes: Uint8Array) => blobs.put([{ expected: foreignDigestOf(bytes, 'sha256'), bytes }]),
    pass: (more: number) => (seconds += more),
    async [Symbol.asyncDispose]() {
      leases[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
      kept[Symbol.dispose]();
    },
  };
}

describe('BlobQuota', () => {
  it('makes room of what nobody needs any more', async () => {
    await using rig = await open();
    for (let i = 0; i < 3; i++) await rig.put(randomBytes(300_000));
    rig.pass(1000);
    await rig.put(randomBytes(300_000));
    assert.equal(rig.collected.length, 1);
    assert.ok(rig.collected[0]! >= 300_000);
    assert.deepEqual(rig.faults, []);
  });

  it('refuses what there is no room for, and keeps what was promised', async () => {
    await using rig = await open();
    const first = randomBytes(600_000);
    await rig.put(first);
    await assert.rejects(rig.put(randomBytes(600_000)), { code: 'resourceExhausted' });
    assert.equal(await rig.blobs.has(foreignDigestOf(first, 'sha256')), true);
    rig.pass(1000);
    await rig.put(randomBytes(600_000));
    assert.equal(await rig.blobs.has(foreignDigestOf(first, 'sha256')), false);
  });

  it('counts what is here already once, when it matters', async () => {
    await using rig = await open();
    const bytes = randomBytes(400_000);
    for (let i = 0; i < 5; i++) await rig.put(bytes);
    assert.deepEqual(rig.collected, []);
  });
});
