import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { type BlobBatch, type BlobStore, type Digest, digestOf, emptyDigest } from '../castore/index.ts';
import type { OpenBlobStore } from './blob-store-suite.ts';
import { readWhole } from './read-whole.ts';

/** Blobs that the commands choose from, few enough to meet again; some beyond what a backend would keep inline. */
const blobs: readonly Buffer[] = [
  ...Array.from({ length: 12 }, (_, i) => Buffer.alloc(i * i, `blob ${i}`)),
  ...[4096, 65_537, 300_000].map(size => Buffer.alloc(size, String(size))),
];

const blobIndexes = fc.nat(blobs.length - 1);
const batchIndexes = fc.nat(3);

/** What a test may do to a store; `batch` chooses one of four that are under way. */
type Step =
  | { readonly do: 'put'; readonly batch: number; readonly blob: number; readonly pieceSize: number }
  | { readonly do: 'commit' | 'dispose'; readonly batch: number }
  | { readonly do: 'read'; readonly blob: number; readonly offset: number; readonly length: number }
  | { readonly do: 'findMissing'; readonly blobs: readonly number[] };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      batch: batchIndexes,
      blob: blobIndexes,
      pieceSize: fc.nat(10_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'dispose' as const), batch: batchIndexes }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      blob: blobIndexes,
      offset: fc.nat(400),
      length: fc.nat(400_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('findMissing' as const), blobs: fc.array(blobIndexes) }) },
);

/**
 * Runs random steps against a store and against sets of digests: what is committed must be there; what never was, and
 * is in no batch under way, must not; of the rest either may be said, but what is read must be right.
 */
export async function blobStoreModel(open: OpenBlobStore): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 60 }), async chosen => {
      await using opened = await open();
      await using rig = new Rig(opened.store);
      for (const step of chosen) await rig.run(step);
      await rig.compare();
    }),
    { numRuns: 40 },
  );
}

class Rig implements AsyncDisposable {
  readonly #store: BlobStore;
  readonly #committed = new Set<string>([emptyDigest.hash]);
  readonly #batches: ({ readonly batch: BlobBatch; readonly added: Set<string> } | undefined)[] = [];

  constructor(store: BlobStore) {
    this.#store = store;
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'put':
        return this.#put(step.batch, blobs[step.blob]!, step.pieceSize);
      case 'commit':
      case 'dispose':
        return this.#end(step.batch, step.do === 'commit');
      case 'read':
        return this.#read(blobs[step.blob]!, step.offset, step.length);
      case 'findMissing':
        return this.#findMissing(step.blobs.map(index => digestOf(blobs[index]!)));
    }
  }

  async compare(): Promise<void> {
    for (const bytes of blobs) await this.#read(bytes, 0, bytes.length);
    await this.#findMissing(blobs.map(digestOf));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const under of this.#batches) await under?.batch[Symbol.asyncDispose]();
  }

  async #put(index: number, bytes: Buffer, pieceSize: number): Promise<void> {
    const { batch, added } = (this.#batches[index] ??= { batch: this.#store.batch(), added: new Set() });
    const digest = pieceSize === 0 ? await batch.put(bytes) : await batch.putStream(pieces(bytes, pieceSize));
    assert.deepEqual(digest, digestOf(bytes));
    added.add(digest.hash);
  }

  async #end(index: number, commit: boolean): Promise<void> {
    const under = this.#batches[index];
    this.#batches[index] = undefined;
    if (under === undefined) return;
    if (commit) {
      await under.batch.commit();
      for (const hash of under.added) this.#committed.add(hash);
    }
    await under.batch[Symbol.asyncDispose]();
  }

  async #read(bytes: Buffer, offset: number, length: number): Promise<void> {
    const digest = digestOf(bytes);
    const whole = await this.#store.get(digest);
    this.#checkPresence(digest, whole !== undefined);
    if (whole === undefined) return;
    assert(bytes.equals(whole));
    assert(bytes.subarray(offset, offset + length).equals(await readWhole(this.#store, digest, { offset, length })));
  }

  async #findMissing(digests: readonly Digest[]): Promise<void> {
    const missing = await this.#store.findMissing(digests);
    const hashes = new Set(missing.map(digest => digest.hash));
    assert.equal(hashes.size, missing.length);
    for (const digest of digests) this.#checkPresence(digest, !hashes.has(digest.hash));
  }

  #checkPresence(digest: Digest, present: boolean): void {
    if (this.#committed.has(digest.hash)) assert(present, `${digest.hash} was committed and is absent`);
    else if (present)
      assert(
        this.#batches.some(under => under?.added.has(digest.hash)),
        `${digest.hash} was never committed and is present`,
      );
  }
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
