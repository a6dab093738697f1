import {
  type BlobAlias,
  CastoreError,
  type Digest,
  type DigestFunction,
  type DiskBlobBatch,
  type DiskBlobStore,
  type ForeignDigest,
  type ForeignStore,
  type Leases,
  type ReadOptions,
  type ReceivedBlob,
  foreignDigestOf,
  formatDigest,
  formatForeignDigest,
  sizeless,
} from '../../castore/index.ts';
import { BatchCommitter } from './batch-committer.ts';
import type { BlobQuota } from './blob-quota.ts';
import { ResponseMemory } from './response-memory.ts';

/** Blobs that are remembered to be leased; each takes about a hundred bytes. */
const maxKnown = 128 * 1024;

/** Bytes that all answers may have of blobs at a time. */
const responseMemory = 128 * 1024 * 1024;

/** A blob that was sent. */
export interface SentBlob {
  readonly expected: ForeignDigest;
  readonly bytes: Uint8Array;
}

/**
 * The blobs of a store as clients know them: by any digest function, and leased as soon as somebody hears that they are
 * here. What is remembered of leases spares most questions whether a blob is present.
 */
export class ServedBlobs {
  readonly store: DiskBlobStore;
  readonly foreign: ForeignStore;
  /** Of answers that have blobs in them. */
  readonly memory = new ResponseMemory(responseMemory);
  readonly #leases: Leases;
  readonly #committer: BatchCommitter;
  /** By function: hashes of blobs that are leased until `#until`, with their sizes. */
  readonly #known = new Map<DigestFunction, Map<string, number>>();
  #knownCount = 0;
  #until = 0;

  readonly #quota: BlobQuota | undefined;

  constructor(store: DiskBlobStore, leases: Leases, quota?: BlobQuota) {
    this.store = store;
    this.#quota = quota;
    this.#leases = leases;
    this.#committer = new BatchCommitter(store);
    this.foreign = { store, blobs: store.blobAliases, directories: store.directoryAliases };
  }

  /** Those of `digests` that are absent, each once, in their order; the others are leased. */
  async findMissing(digests: readonly ForeignDigest[], signal?: AbortSignal): Promise<ForeignDigest[]> {
    this.#forgetEnded();
    const unsure = digests.filter(digest => !this.#isKnown(digest));
    if (unsure.length === 0) return [];
    const own = await this.foreign.blobs.find(unsure, { signal });
    const present = await this.#lease(own.filter(digest => digest !== undefined));
    const missing = new Map<string, ForeignDigest>();
    for (const [i, digest] of unsure.entries()) {
      const blob = own[i];
      if (blob !== undefined && present.has(formatDigest(blob))) this.#remember(digest);
      else missing.set(formatForeignDigest(digest), digest);
    }
    return [...missing.values()];
  }

  /** Whether a blob is here, which then is leased. */
  async has(digest: ForeignDigest, signal?: AbortSignal): Promise<boolean> {
    return (await this.findMissing([digest], signal)).length === 0;
  }

  /** Our name of a blob, whether it is here or not; undefined for one that was never here. */
  async ownDigest(digest: ForeignDigest, signal?: AbortSignal): Promise<Digest | undefined> {
    const [own] = await this.foreign.blobs.find([digest], { signal });
    return own;
  }

  /** The digest with its blob's size, where that is known and a client need not (`sizeless`). */
  async withSize(digest: ForeignDigest, signal?: AbortSignal): Promise<ForeignDigest> {
    if (!sizeless.has(digest.function)) return digest;
    const own = await this.ownDigest(digest, signal);
    return own === undefined ? digest : { ...digest, size: own.size };
  }

  /** The whole blob; undefined if it is absent, `blob/too-large` beyond `limit`. */
  async get(
    digest: ForeignDigest,
    options: { readonly limit: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Uint8Array | undefined> {
    const own = await this.ownDigest(digest, options.signal);
    const bytes = own && (await this.store.get(own, options));
    if (bytes === undefined) this.#forget();
    return bytes;
  }

  /** The blob as chunks, each lent until the next is asked for; undefined if it is absent. */
  async open(digest: ForeignDigest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    const own = await this.ownDigest(digest, options.signal);
    const chunks = own && (await this.store.open(own, options));
    if (chunks === undefined) this.#forget();
    return chunks;
  }

  /** Adds blobs durably and leases them; what was wrong with each that was refused (`digest/mismatch`). */
  async put(blobs: readonly SentBlob[], signal?: AbortSignal): Promise<(CastoreError | undefined)[]> {
    await this.reserve(blobs.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
    await using batch = this.store.batch();
    const added: BlobAlias[] = [];
    const refused = await Promise.all(
      blobs.map(async ({ expected, bytes }) => {
        try {
          added.push({ foreign: expected, digest: await putChecked(batch, { expected, bytes }, signal) });
          return undefined;
        } catch (error) {
          if (error instanceof CastoreError && error.code === 'digest/mismatch') return error;
          throw error;
        }
      }),
    );
    if (added.length > 0) await this.#commit(batch, added);
    return refused;
  }

  /** As `put`, for a blob that came slowly; its digest was checked by who received it. */
  async putReceived(received: ReceivedBlob, foreign: ForeignDigest): Promise<void> {
    await this.reserve(foreign.size);
    await using batch = this.store.batch();
    const digest = await batch.putReceived(received);
    await this.#commit(batch, [{ foreign, digest }]);
  }

  /**
   * Makes room for blobs that are about to be added. Not within a batch, which keeps collections waiting. Throws
   * `resourceExhausted` where there is none.
   */
  async reserve(bytes: number): Promise<void> {
    if (this.#quota !== undefined && bytes > 0) await this.#quota.reserve(bytes);
  }

  /** Makes the blobs of a batch durable, records what they are called, and leases them. The batch is still to be disposed of. */
  async commit(batch: DiskBlobBatch, added: readonly BlobAlias[]): Promise<void> {
    await this.#commit(batch, added);
  }

  async #commit(batch: DiskBlobBatch, added: readonly BlobAlias[]): Promise<void> {
    await this.#committer.commit(batch);
    await this.foreign.blobs.record(added);
    // The batch holds the lock against collections until it is disposed of.
    this.#leases.add(added.map(({ digest }) => digest));
    this.#forgetEnded();
    for (const { foreign } of added) this.#remember(foreign);
  }

  /** Leases those of `digests` that are here; their keys. */
  async #lease(digests: readonly Digest[]): Promise<Set<string>> {
    const isHere = (digest: Digest) => digest.size === 0 || this.store.isPresent(digest.hash);
    const here = digests.filter(isHere);
    this.#leases.add(here);
    // A collection that began before it could hear of the leases may take them until we have had the lock. So it is also where
    // another call has just leased them, which may still be waiting.
    using _lock = here.length > 0 ? await this.store.lock.acquire() : undefined;
    const absent = new Set((await this.store.findMissing(here)).map(formatDigest));
    return new Set(here.map(formatDigest).filter(key => !absent.has(key)));
  }

  #isKnown({ function: digestFunction, hash, size }: ForeignDigest): boolean {
    return this.#known.get(digestFunction)?.get(hash) === size;
  }

  #remember({ function: digestFunction, hash, size }: ForeignDigest): void {
    if (this.#knownCount >= maxKnown) this.#forget();
    let known = this.#known.get(digestFunction);
    if (known === undefined) {
      known = new Map();
      this.#known.set(digestFunction, known);
    }
    if (!known.has(hash)) this.#knownCount++;
    known.set(hash, size);
  }

  #forgetEnded(): void {
    const { until } = this.#leases;
    if (until === this.#until) return;
    this.#until = until;
    this.#forget();
  }

  /** Whatever else happened to a blob that vanished happened to others, too. */
  #forget(): void {
    this.#known.clear();
    this.#knownCount = 0;
  }
}

/** Adds bytes that have the digest that they were sent with; throws `digest/mismatch` before anything is kept of others. */
async function putChecked(
  batch: DiskBlobBatch,
  { expected, bytes }: SentBlob,
  signal: AbortSignal | undefined,
): Promise<Digest> {
  const { function: digestFunction } = expected;
  if (digestFunction !== 'sha256' || bytes.byteLength !== expected.size) {
    const found = foreignDigestOf(bytes, digestFunction);
    if (found.hash !== expected.hash || found.size !== expected.size) throw mismatch(expected, found);
    return batch.put(bytes, { signal });
  }
  const found = await batch.put(bytes, { signal });
  if (found.hash !== expected.hash) throw mismatch(expected, { function: digestFunction, ...found });
  return found;
}

export function mismatch(expected: ForeignDigest, found: ForeignDigest): CastoreError {
  const [wanted, is] = [formatForeignDigest(expected), formatForeignDigest(found)];
  return new CastoreError('digest/mismatch', `bytes announced as ${wanted} have the digest ${is}`);
}
