import assert from 'node:assert/strict';
import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import type { Digest } from '../digest.ts';
import { DiskBlobStore } from '../disk/disk-blob-store.ts';
import { BlobMarks } from './blob-marks.ts';
import { LeasedRoots, Leases } from './leases.ts';
import { sweepBlobs } from './sweep-blobs.ts';

const duration = 100;

async function open() {
  const folder = temporaryFolder();
  const store = new DiskBlobStore(join(folder.path, 'data'));
  const blobs: Digest[] = [];
  for (const text of ['a', 'b', 'c']) blobs.push(await putBlob(store, Buffer.from(text)));
  let seconds = 1000;
  const now = () => seconds * 1000;
  return {
    store,
    leases: new Leases(store.folder, { duration, now }),
    blobs,
    pass: (more: number) => (seconds += more),
    async collect(): Promise<number> {
      const leased = new LeasedRoots(store.folder, now);
      leased.removeEnded();
      const marks = new BlobMarks(store);
      await marks.mark(leased.next());
      await sweepBlobs(store, marks, { newRoots: () => leased.next() });
      return blobs.length - (await store.findMissing(blobs)).length;
    },
    async [Symbol.asyncDispose]() {
      this.leases[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe('Leases', () => {
  it('keep blobs for their time and not for ever', async () => {
    await using rig = await open();
    assert.equal(rig.leases.add(rig.blobs.slice(0, 2)), true);
    assert.equal(rig.leases.add(rig.blobs.slice(0, 2)), false);
    assert.equal(await rig.collect(), 2);
    rig.pass(duration);
    assert.equal(await rig.collect(), 2);
    rig.pass(duration);
    assert.equal(await rig.collect(), 0);
    assert.deepEqual(readdirSync(join(rig.store.folder.path, 'leases')), []);
  });

  it('are renewed by asking again', async () => {
    await using rig = await open();
    rig.leases.add(rig.blobs);
    for (let i = 0; i < 4; i++) {
      rig.pass(duration - 20);
      rig.leases.add(rig.blobs.slice(0, 1));
    }
    assert.equal(await rig.collect(), 1);
  });

  it('outlive the process, and half a hash harms nothing', async () => {
    await using rig = await open();
    rig.leases.add(rig.blobs.slice(0, 1));
    rig.leases[Symbol.dispose]();
    const folder = join(rig.store.folder.path, 'leases');
    for (const name of readdirSync(folder)) appendFileSync(join(folder, name), 'half');
    rig.leases.add(rig.blobs.slice(1, 2));
    assert.equal(await rig.collect(), 2);
  });

  it('that are given while a sweep goes on are seen by it', async () => {
    await using rig = await open();
    const leased = new LeasedRoots(rig.store.folder, () => 1000_000);
    const marks = new BlobMarks(rig.store);
    await marks.mark(leased.next());
    rig.leases.add(rig.blobs.slice(2));
    await sweepBlobs(rig.store, marks, { newRoots: () => leased.next() });
    assert.deepEqual(await rig.store.findMissing(rig.blobs), rig.blobs.slice(0, 2));
  });
});
