import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  type BlobStore,
  type CastoreErrorCode,
  type Digest,
  CastoreError,
  digestOf,
  emptyDigest,
  formatDigest,
  maxChunkSize,
  putBlob,
  sha256FromHex,
} from '../castore/index.ts';
import { blobStoreModel } from './blob-store-model.ts';
import { readWhole } from './read-whole.ts';

/** A store that is empty at first, and everything that goes with it at disposal. */
export interface OpenedBlobStore extends AsyncDisposable {
  readonly store: BlobStore;
}

export type OpenBlobStore = () => Promise<OpenedBlobStore>;

/** What a server may lack that others keep blobs in: one that does not look at sizes says that it has such a blob. */
export type BlobStoreGap = 'sizes';

/** The contract of `BlobStore`, for each backend and combinator. */
export function blobStoreSuite(name: string, open: OpenBlobStore, gaps: readonly BlobStoreGap[] = []): void {
  describe(name, () => {
    readingSuite(open, gaps);
    addingSuite(open);
    refusingSuite(open);
    abortSuite(open);
    test('agrees with a Map', () => blobStoreModel(open));
  });
}

const absent: Digest = { hash: sha256FromHex('ab'.repeat(32)), size: 3 };

function text(value: string): Buffer {
  return Buffer.from(value);
}

/** `size` bytes that differ with `seed` and do not compress. */
export function noise(size: number, seed: number): Buffer {
  return createHash('shake256', { outputLength: size }).update(String(seed)).digest();
}

/** `bytes` in pieces, each in the same memory, which is scribbled over when the next is asked for. */
function* lent(bytes: Uint8Array, pieceSize: number): Generator<Uint8Array, void> {
  const memory = new Uint8Array(pieceSize);
  for (let at = 0; at < bytes.byteLength; at += pieceSize) {
    const piece = bytes.subarray(at, at + pieceSize);
    memory.set(piece);
    yield memory.subarray(0, piece.byteLength);
    memory.fill(0xff);
  }
}

function refusedWith(code: CastoreErrorCode): (error: unknown) => boolean {
  return error => {
    assert(error instanceof CastoreError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

function readingSuite(open: OpenBlobStore, gaps: readonly BlobStoreGap[]): void {
  test('has the empty blob without its being put', async () => {
    await using opened = await open();
    const { store } = opened;
    assert.deepEqual(await store.findMissing([emptyDigest]), []);
    assert.equal((await store.get(emptyDigest))?.byteLength, 0);
    assert.deepEqual(await readWhole(store, emptyDigest), Buffer.alloc(0));
    assert.deepEqual(await putBlob(store, new Uint8Array(0)), emptyDigest);
  });

  test('says undefined of what is absent', async () => {
    await using opened = await open();
    assert.equal(await opened.store.get(absent), undefined);
    assert.equal(await opened.store.open(absent), undefined);
    assert.equal(await opened.store.open(absent, { offset: 1, length: 1 }), undefined);
  });

  test('takes the right hash with another size for absent', async () => {
    await using opened = await open();
    const { store } = opened;
    const digest = await putBlob(store, text('three'));
    for (const size of [0, 4, 6]) {
      const other = { hash: digest.hash, size };
      if (size > 0 && gaps.includes('sizes')) {
        const given = await store.get(other).catch((error: unknown) => error);
        assert.ok(given === undefined || given instanceof Error, 'bytes that are not the digest’s are never given');
        continue;
      }
      assert.equal(await store.get(other), undefined);
      assert.equal(await store.open(other), undefined);
      assert.deepEqual(await store.findMissing([digest, other]), [other]);
    }
    assert.deepEqual(await store.findMissing([{ hash: emptyDigest.hash, size: 1 }]), [
      { hash: emptyDigest.hash, size: 1 },
    ]);
  });

  test('finds what is missing, each once, in the order asked', async () => {
    await using opened = await open();
    const { store } = opened;
    const [a, c] = [await putBlob(store, text('a')), await putBlob(store, text('c'))];
    const [b, d] = [digestOf(text('b')), digestOf(text('d'))];
    assert.deepEqual(await store.findMissing([d, a, b, emptyDigest, d, c, b, a]), [d, b]);
    assert.deepEqual(await store.findMissing([]), []);
    const many = Array.from({ length: 5000 }, (_, i) => digestOf(text(`missing ${i}`)));
    assert.deepEqual(await store.findMissing([a, ...many, c]), many);
  });

  test('reads ranges', async () => {
    await using opened = await open();
    const { store } = opened;
    for (const size of [10, 300_000, 2 * maxChunkSize + 5]) {
      const bytes = noise(size, size);
      const digest = await putBlob(store, bytes);
      const ends = [0, 1, 5, size - 1, size, size + 1, size * 2];
      for (const offset of ends) {
        assert.deepEqual(await readWhole(store, digest, { offset }), bytes.subarray(offset), `from ${offset}`);
        for (const length of ends) {
          const expected = bytes.subarray(offset, offset + length);
          assert.deepEqual(await readWhole(store, digest, { offset, length }), expected, `${length} from ${offset}`);
        }
      }
    }
  });

  test('refuses ranges that are none', async () => {
    await using opened = await open();
    const { store } = opened;
    const digest = await putBlob(store, text('blob'));
    for (const range of [
      { offset: -1 },
      { offset: 0.5 },
      { offset: NaN },
      { length: -1 },
      { offset: 1, length: 1.5 },
    ]) {
      await assert.rejects(() => readWhole(store, digest, range), refusedWith('blob/bad-range'));
    }
  });

  test('lends chunks of at most 1 MiB and lets a reader stop early', async () => {
    await using opened = await open();
    const { store } = opened;
    const bytes = noise(3 * maxChunkSize, 1);
    const digest = await putBlob(store, bytes);
    let first = true;
    for await (const chunk of (await store.open(digest)) ?? assert.fail('absent')) {
      assert(chunk.byteLength > 0 && chunk.byteLength <= maxChunkSize);
      if (first) assert.deepEqual(Buffer.from(chunk), bytes.subarray(0, chunk.byteLength));
      first = false;
    }
    for await (const chunk of (await store.open(digest)) ?? assert.fail('absent')) {
      assert(chunk.byteLength > 0);
      break;
    }
  });

  test('gets no blob beyond the limit', async () => {
    await using opened = await open();
    const { store } = opened;
    const digest = await putBlob(store, text('0123456789'));
    assert.deepEqual(Buffer.from((await store.get(digest, { limit: 10 })) ?? []), text('0123456789'));
    await assert.rejects(() => store.get(digest, { limit: 9 }), refusedWith('blob/too-large'));
    assert.deepEqual(await readWhole(store, digest), text('0123456789'));
  });
}

function addingSuite(open: OpenBlobStore): void {
  test('gives back what was put', async () => {
    await using opened = await open();
    const { store } = opened;
    for (const size of [
      1,
      2,
      63,
      64,
      65,
      4095,
      4096,
      65_535,
      65_536,
      65_537,
      262_144,
      maxChunkSize,
      maxChunkSize + 1,
    ]) {
      const bytes = noise(size, size);
      const digest = await putBlob(store, bytes);
      assert.deepEqual(digest, digestOf(bytes));
      assert.deepEqual(Buffer.from((await store.get(digest)) ?? []), bytes);
      assert.deepEqual(await readWhole(store, digest), bytes);
      assert.deepEqual(await store.findMissing([digest]), []);
    }
  });

  test('borrows the bytes that are put', async () => {
    await using opened = await open();
    const { store } = opened;
    const memory = text('at first');
    await using batch = store.batch();
    const digest = await batch.put(memory);
    memory.fill(0xff);
    await batch.commit();
    assert.deepEqual(Buffer.from((await store.get(digest)) ?? []), text('at first'));
  });

  test('borrows the chunks of a stream, of any size', async () => {
    await using opened = await open();
    const { store } = opened;
    await using batch = store.batch();
    const added: { bytes: Buffer; digest: Digest }[] = [];
    for (const [size, pieceSize] of [
      [10, 1],
      [100_000, 999],
      [5 * maxChunkSize + 1, 65_536],
      [3 * maxChunkSize, 2 * maxChunkSize],
    ] as const) {
      const bytes = noise(size, size);
      added.push({ bytes, digest: await batch.putStream(lent(bytes, pieceSize)) });
    }
    await batch.commit();
    for (const { bytes, digest } of added) {
      assert.deepEqual(digest, digestOf(bytes));
      assert.deepEqual(await readWhole(store, digest), bytes);
    }
  });

  test('takes streams without bytes', async () => {
    await using opened = await open();
    await using batch = opened.store.batch();
    assert.deepEqual(await batch.putStream([]), emptyDigest);
    assert.deepEqual(await batch.putStream([new Uint8Array(0)]), emptyDigest);
    assert.deepEqual(
      await batch.putStream([new Uint8Array(0), text('ab'), new Uint8Array(0), text('c')]),
      digestOf(text('abc')),
    );
    await batch.commit();
    assert.deepEqual(await readWhole(opened.store, digestOf(text('abc'))), text('abc'));
  });

  test('takes the same blob many times', async () => {
    await using opened = await open();
    const { store } = opened;
    for (let round = 0; round < 2; round++) {
      await using batch = store.batch();
      const digests = await Promise.all([
        batch.put(text('same')),
        batch.putStream([text('sa'), text('me')]),
        batch.put(text('same'), { executable: true }),
      ]);
      assert.deepEqual(digests, Array(3).fill(digestOf(text('same'))));
      await batch.commit();
    }
    assert.deepEqual(await readWhole(store, digestOf(text('same'))), text('same'));
  });

  test('takes concurrent additions to one batch', async () => {
    await using opened = await open();
    const { store } = opened;
    await using batch = store.batch();
    const blobs = Array.from({ length: 60 }, (_, i) => noise(i * 5000, i));
    const digests = await Promise.all(
      blobs.map((bytes, i) => (i % 2 === 0 ? batch.put(bytes) : batch.putStream(lent(bytes, 4096)))),
    );
    await batch.commit();
    assert.deepEqual(digests, blobs.map(digestOf));
    for (const [i, digest] of digests.entries()) assert.deepEqual(await readWhole(store, digest), blobs[i]);
  });

  test('takes many batches at a time', async () => {
    await using opened = await open();
    const { store } = opened;
    const addition = async (first: number) => {
      await using batch = store.batch();
      for (let i = first; i < first + 5; i++) await batch.put(noise(100 + i, i));
      await batch.putStream(lent(noise(200_000 + first, first), 50_000));
      await batch.commit();
    };
    await Promise.all(Array.from({ length: 40 }, (_, first) => addition(first)));
    const digests = [
      ...Array.from({ length: 44 }, (_, i) => digestOf(noise(100 + i, i))),
      ...Array.from({ length: 40 }, (_, first) => digestOf(noise(200_000 + first, first))),
    ];
    assert.deepEqual(await store.findMissing(digests), []);
  });

  test('commits a batch of nothing', async () => {
    await using opened = await open();
    await using batch = opened.store.batch();
    await batch.commit();
  });

  test('forgets a batch that is disposed of without a commit', async () => {
    await using opened = await open();
    const { store } = opened;
    const [small, large] = [text('small'), noise(2 * maxChunkSize, 7)];
    {
      await using batch = store.batch();
      await batch.put(small);
      await batch.putStream(lent(large, 65_536));
    }
    assert.deepEqual(await store.findMissing([digestOf(small), digestOf(large)]), [digestOf(small), digestOf(large)]);
    assert.equal(await store.get(digestOf(small)), undefined);
    await putBlob(store, small);
    {
      await using batch = store.batch();
      await batch.put(small);
    }
    assert.deepEqual(await readWhole(store, digestOf(small)), small);
  });
}

function refusingSuite(open: OpenBlobStore): void {
  const wrong: readonly { why: string; bytes: Buffer; expected: Digest }[] = [
    { why: 'too few bytes', bytes: text('abc'), expected: digestOf(text('abcd')) },
    { why: 'too many bytes', bytes: text('abcd'), expected: digestOf(text('abc')) },
    { why: 'other bytes', bytes: text('abx'), expected: digestOf(text('abc')) },
    { why: 'no bytes', bytes: text(''), expected: digestOf(text('abc')) },
    { why: 'bytes where none are expected', bytes: text('abc'), expected: emptyDigest },
    { why: 'the right hash with another size', bytes: text('abc'), expected: { ...digestOf(text('abc')), size: 4 } },
    { why: 'other bytes, many', bytes: noise(300_000, 1), expected: digestOf(noise(300_000, 2)) },
  ];
  for (const { why, bytes, expected } of wrong) {
    test(`refuses ${why}, and the batch goes on`, async () => {
      await using opened = await open();
      const { store } = opened;
      await using batch = store.batch();
      await assert.rejects(() => batch.put(bytes, { expected }), refusedWith('digest/mismatch'));
      await assert.rejects(
        () => batch.putStream(lent(bytes, Math.ceil(bytes.length / 5) || 1), { expected }),
        refusedWith('digest/mismatch'),
      );
      const other = await batch.putStream([text('right')], { expected: digestOf(text('right')) });
      await batch.commit();
      assert.deepEqual(await readWhole(store, other), text('right'));
      const missing = [digestOf(bytes), expected].filter(digest => formatDigest(digest) !== formatDigest(emptyDigest));
      assert.deepEqual(await store.findMissing(missing), missing);
    });
  }

  test('stops reading once the bytes are too many', async () => {
    await using opened = await open();
    await using batch = opened.store.batch();
    let given = 0;
    let closed = false;
    const endless = async function* () {
      try {
        for (; given < 1000; given++) yield await Promise.resolve(text('chunk'));
      } finally {
        closed = true;
      }
    };
    await assert.rejects(
      () => batch.putStream(endless(), { expected: digestOf(text('chunk chunk')) }),
      refusedWith('digest/mismatch'),
    );
    assert(closed);
    assert(given < 10, `${given} chunks were asked for`);
  });

  test('takes what has the expected digest', async () => {
    await using opened = await open();
    const { store } = opened;
    const bytes = noise(1_500_000, 3);
    await using batch = store.batch();
    assert.deepEqual(await batch.putStream(lent(bytes, 65_536), { expected: digestOf(bytes) }), digestOf(bytes));
    assert.deepEqual(await batch.put(text('x'), { expected: digestOf(text('x')) }), digestOf(text('x')));
    assert.deepEqual(await batch.put(text(''), { expected: emptyDigest }), emptyDigest);
    await batch.commit();
    assert.deepEqual(await readWhole(store, digestOf(bytes)), bytes);
  });

  test('passes on what a source throws, and the batch goes on', async () => {
    await using opened = await open();
    const { store } = opened;
    const failure = new Error('the source broke');
    await using batch = store.batch();
    for (const count of [0, 1, 40]) {
      const broken = function* () {
        for (let i = 0; i < count; i++) yield noise(65_536, i);
        throw failure;
      };
      await assert.rejects(() => batch.putStream(broken()), failure);
    }
    await batch.put(text('after'));
    await batch.commit();
    assert.deepEqual(await store.findMissing([digestOf(text('after')), digestOf(noise(65_536, 0))]), [
      digestOf(noise(65_536, 0)),
    ]);
  });
}

function abortSuite(open: OpenBlobStore): void {
  const reason = new Error('no longer wanted');

  test('does nothing once its signal is aborted', async () => {
    await using opened = await open();
    const { store } = opened;
    const digest = await putBlob(store, text('there'));
    const signal = AbortSignal.abort(reason);
    await assert.rejects(() => store.findMissing([absent], { signal }), reason);
    await assert.rejects(() => store.get(digest, { signal }), reason);
    await assert.rejects(() => readWhole(store, digest, { signal }), reason);
    {
      await using batch = store.batch();
      await assert.rejects(() => batch.put(text('a'), { signal }), reason);
      await assert.rejects(() => batch.putStream([text('b')], { signal }), reason);
      await batch.put(text('c'));
      await assert.rejects(() => batch.commit({ signal }), reason);
    }
    const missing = ['a', 'b', 'c'].map(value => digestOf(text(value)));
    assert.deepEqual(await store.findMissing(missing), missing);
  });

  test('stops a read and an addition in their middle', async () => {
    await using opened = await open();
    const { store } = opened;
    const bytes = noise(3 * maxChunkSize, 5);
    const digest = await putBlob(store, bytes);
    const reading = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of (await store.open(digest, { signal: reading.signal })) ?? []) reading.abort(reason);
    }, reason);

    const adding = new AbortController();
    const source = function* () {
      yield text('one');
      adding.abort(reason);
      yield text('two');
    };
    await using batch = store.batch();
    await assert.rejects(() => batch.putStream(source(), { signal: adding.signal }), reason);
    await batch.commit();
    const added = digestOf(text('onetwo'));
    assert.deepEqual(await store.findMissing([added]), [added]);
  });
}
