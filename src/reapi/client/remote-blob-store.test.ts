import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CastoreError, digestOf, putBlob } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import { ReapiRig, type ReapiRigOptions, blobStoreSuite, noise, readWhole } from '../../testing/index.ts';
import { ReapiServer } from './reapi-server.ts';
import { RemoteBlobStore, type RemoteBlobStoreOptions } from './remote-blob-store.ts';

const retries = { attempts: 3, delay: 1, maxDelay: 2 };

async function open(options: ReapiRigOptions = {}, storeOptions: RemoteBlobStoreOptions = {}) {
  const rig = await ReapiRig.start(options);
  const server = new ReapiServer({ address: rig.address, retries });
  return {
    rig,
    server,
    store: new RemoteBlobStore(server, storeOptions),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

blobStoreSuite('RemoteBlobStore', () => open());
blobStoreSuite('RemoteBlobStore by zstd', () => open({ zstd: true }));
blobStoreSuite('RemoteBlobStore in small batches, ranges as given', () =>
  open({ maxBatchSize: 10_000 }, { trustsRanges: true }),
);

blobStoreSuite('RemoteBlobStore in chunks', () => open({ averageChunkSize: 16 * 1024 }, { splices: true }));

describe('RemoteBlobStore', () => {
  test('sends of a changed blob the chunks that changed', async () => {
    await using opened = await open({ averageChunkSize: 16 * 1024 }, { splices: true });
    const { rig, store } = opened;
    const bytes = noise(8_000_000, 1);
    await putBlob(store, bytes);
    assert.ok(rig.received <= 8_000_000);
    rig.received = 0;
    const changed = Buffer.concat([bytes.subarray(0, 3_000_000), Buffer.from('more'), bytes.subarray(3_000_001)]);
    const digest = await putBlob(store, changed);
    assert.ok(rig.received < 160_000, `${rig.received} bytes were sent`);
    assert.deepEqual(await readWhole(store, digest), changed);
    rig.fault = path => {
      if (path.endsWith('SpliceBlob')) throw new GrpcStatus('unimplemented', 'not any more');
    };
    const other = await putBlob(store, noise(3_000_000, 2));
    assert.deepEqual(await readWhole(store, other), noise(3_000_000, 2));
  });

  test('reads many small blobs in few calls', async () => {
    await using opened = await open();
    const { rig, store } = opened;
    const blobs = Array.from({ length: 500 }, (_, at) => noise(1000, at));
    await using batch = store.batch();
    const digests = await Promise.all(blobs.map(bytes => batch.put(bytes)));
    await batch.commit();
    assert.deepEqual(rig.calls, ['GetCapabilities', 'FindMissingBlobs', 'BatchUpdateBlobs']);
    rig.calls.length = 0;
    const read = await Promise.all(digests.map(digest => store.get(digest)));
    assert.deepEqual(
      read.map(bytes => Buffer.from(bytes ?? [])),
      blobs,
    );
    assert.ok(rig.calls.length <= 8, `${rig.calls.length} calls`);
  });

  test('sends only what is missing', async () => {
    await using opened = await open({ maxBatchSize: 100_000 });
    const { rig, store } = opened;
    const large = noise(300_000, 1);
    await putBlob(store, large);
    rig.calls.length = 0;
    await putBlob(store, large);
    assert.deepEqual(rig.calls, ['FindMissingBlobs']);
  });

  for (const zstd of [false, true]) {
    test(`takes streams up where they broke${zstd ? ', by zstd' : ''}`, async () => {
      await using opened = await open({ zstd });
      const { rig, store } = opened;
      const bytes = noise(5_000_000, 2);
      rig.breakAfter = 3_000_000;
      const digest = await putBlob(store, bytes);
      const writes = rig.calls.filter(name => name === 'Write').length;
      assert.equal(writes, 2);
      rig.breakAfter = 3_000_000;
      assert.deepEqual(await readWhole(store, digest), bytes);
      assert.equal(rig.calls.filter(name => name === 'Read').length, 2);
    });
  }

  test('calls again where the server is gone for a while, and gives up where it stays away', async () => {
    await using opened = await open();
    const { rig, store } = opened;
    let failures = 2;
    rig.fault = () => {
      if (failures-- > 0) throw new GrpcStatus('unavailable', 'restarting');
    };
    const digest = await putBlob(store, noise(10, 3));
    failures = Infinity;
    await assert.rejects(
      () => store.get(digest),
      (error: unknown) => error instanceof GrpcStatus && error.code === 'unavailable',
    );
    failures = 0;
    assert.deepEqual(Buffer.from((await store.get(digest)) ?? []), noise(10, 3));
  });

  test('never serves other bytes', async () => {
    for (const zstd of [false, true]) {
      await using opened = await open({ zstd });
      const { rig, store } = opened;
      for (const size of [1000, 3_000_000]) {
        const bytes = noise(size, size);
        const digest = await putBlob(store, bytes);
        for (const lie of [
          (given: Uint8Array) => Uint8Array.from(given).fill(0, size - 1),
          (given: Uint8Array) => given.subarray(1),
          (given: Uint8Array) => Buffer.concat([given, Buffer.of(0)]),
        ]) {
          rig.lie = lie;
          await assert.rejects(() => readWhole(store, digest));
          await assert.rejects(() => readWhole(store, digest, { offset: 10, length: 10 }));
          await assert.rejects(() => store.get(digest));
        }
        rig.lie = undefined;
        assert.deepEqual(await readWhole(store, digest), bytes);
      }
    }
  });

  test('passes on what a server says is wrong', async () => {
    await using opened = await open();
    const { rig, store } = opened;
    rig.fault = () => {
      throw new GrpcStatus('permissionDenied', 'no token');
    };
    await assert.rejects(() => store.findMissing([digestOf(noise(1, 1))]), /no token/);
    await assert.rejects(() => putBlob(store, noise(1, 1)), /no token/);
  });

  test('refuses what is larger than the server takes before anything is sent', async () => {
    await using opened = await open();
    const { server, store } = opened;
    const traits = await server.traits();
    Object.defineProperty(traits, 'maxBlobSize', { value: 100 });
    await assert.rejects(
      () => putBlob(store, noise(101, 1)),
      (error: unknown) => error instanceof CastoreError && error.code === 'blob/too-large',
    );
  });
});
