import { create } from '@bufbuild/protobuf';
import { mapConcurrent } from '../../base/index.ts';
import {
  type BlobStore,
  type CallOptions,
  type Digest,
  type ReadOptions,
  checkGetLimit,
  chunksOf,
  clipRange,
  collectChunks,
  emptyDigest,
  equalDigests,
  formatDigest,
} from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import {
  DigestFunction_Value,
  FindMissingBlobsRequestSchema,
  contentAddressableStorageMethods,
} from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import { BatchReader } from './batch-reader.ts';
import { downloadFrom, downloadVerified } from './download.ts';
import type { ReapiServer } from './reapi-server.ts';
import { RemoteBatch } from './remote-batch.ts';

export interface RemoteBlobStoreOptions {
  /** Whether ranges of blobs are taken as the server gives them; else a range costs reading all of the blob. */
  readonly trustsRanges?: boolean;
  /** Whether large blobs are sent in chunks, of which the server may have some, where it puts blobs together. */
  readonly splices?: boolean;
}

/** Digests of one FindMissingBlobs: 600 KiB of request. */
const digestsAtOnce = 8000;

/** Bytes of the largest blob that is read in a batch rather than as a stream of its own. */
const maxBatchedSize = 1024 * 1024;

const nothing = new Uint8Array(0);

/** Blobs that a REAPI server keeps, whose word is taken for what it has and not for what is in it. */
export class RemoteBlobStore implements BlobStore {
  readonly #server: ReapiServer;
  readonly #small: BatchReader;
  readonly #trustsRanges: boolean;
  readonly #splices: boolean;

  constructor(server: ReapiServer, options: RemoteBlobStoreOptions = {}) {
    this.#server = server;
    this.#small = new BatchReader(server);
    this.#trustsRanges = options.trustsRanges ?? false;
    this.#splices = options.splices ?? false;
  }

  async findMissing(digests: readonly Digest[], options: CallOptions = {}): Promise<Digest[]> {
    options.signal?.throwIfAborted();
    const asked = new Map(digests.map(digest => [formatDigest(digest), digest]));
    const possible = [...asked.values()].filter(digest => isPossible(digest) && digest.size > 0);
    const requests = Array.from({ length: Math.ceil(possible.length / digestsAtOnce) }, (_, at) =>
      possible.slice(at * digestsAtOnce, (at + 1) * digestsAtOnce),
    );
    const limits = { limit: this.#server.concurrency, signal: options.signal };
    const answers = await mapConcurrent(requests, limits, async (blobDigests, signal) => {
      const request = create(FindMissingBlobsRequestSchema, {
        instanceName: this.#server.instance,
        blobDigests: blobDigests.map(messageOfOwnDigest),
        digestFunction: DigestFunction_Value.SHA256,
      });
      return this.#server.call(contentAddressableStorageMethods.findMissingBlobs, request, { signal });
    });
    const missing = new Set(
      answers.flatMap(answer => answer.missingBlobDigests.map(({ hash, sizeBytes }) => `${hash}/${sizeBytes}`)),
    );
    return Array.from(asked, ([key, digest]) => (missing.has(key) || !isPossible(digest) ? [digest] : [])).flat();
  }

  async get(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): Promise<Uint8Array | undefined> {
    options.signal?.throwIfAborted();
    if (!isPossible(digest)) return undefined;
    if (digest.size === 0) return nothing;
    if (digest.size <= (await this.#maxBatched(options))) {
      const bytes = await this.#small.read(digest, options.signal);
      if (bytes !== undefined) checkGetLimit(digest, options);
      return bytes;
    }
    if ((await this.findMissing([digest], options)).length > 0) return undefined;
    checkGetLimit(digest, options);
    const chunks = await this.open(digest, options);
    return chunks === undefined ? undefined : collectChunks(chunks, digest);
  }

  async open(digest: Digest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { start, end } = clipRange(digest.size, options);
    if (!isPossible(digest)) return undefined;
    if (digest.size <= (await this.#maxBatched(options))) {
      const bytes = digest.size === 0 ? nothing : await this.#small.read(digest, signal);
      return bytes === undefined ? undefined : chunksOf(bytes, options);
    }
    if (start >= end) {
      const isAbsent = (await this.findMissing([digest], options)).length > 0;
      return isAbsent ? undefined : chunksOf(nothing);
    }
    const { zstd } = await this.#server.traits(options);
    const chunks = this.#trustsRanges
      ? cut(downloadFrom(this.#server, digest, start, { zstd, signal }), 0, end - start)
      : cut(downloadVerified(this.#server, digest, { zstd, signal }), start, end);
    return whenBegun(chunks);
  }

  batch(): RemoteBatch {
    return new RemoteBatch(this.#server, this, this.#splices);
  }

  async #maxBatched(options: CallOptions): Promise<number> {
    const { maxBatchSize } = await this.#server.traits(options);
    return Math.min(maxBatchSize, maxBatchedSize);
  }
}

/** Whether anything can have this digest: only one blob has no bytes, and servers do not all say so. */
function isPossible(digest: Digest): boolean {
  return (digest.size === 0) === (digest.hash === emptyDigest.hash) || equalDigests(digest, emptyDigest);
}

/** Bytes `start` to `end` of what comes; reads on to the end where that is what makes the rest trustworthy. */
async function* cut(chunks: AsyncIterable<Uint8Array>, start: number, end: number): AsyncGenerator<Uint8Array, void> {
  let at = 0;
  for await (const chunk of chunks) {
    const wanted = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
    at += chunk.byteLength;
    if (wanted.byteLength > 0) yield wanted;
  }
}

/** The chunks, once the first is there; undefined where the server says instead that there is no such blob. */
async function whenBegun(chunks: AsyncGenerator<Uint8Array, void>): Promise<AsyncIterable<Uint8Array> | undefined> {
  let first: IteratorResult<Uint8Array, void>;
  try {
    first = await chunks.next();
  } catch (error) {
    if (error instanceof GrpcStatus && error.code === 'notFound') return undefined;
    throw error;
  }
  let begun: IteratorResult<Uint8Array, void> | undefined = first;
  const iterator: AsyncIterableIterator<Uint8Array, void> = {
    next: () => {
      const result = begun;
      begun = undefined;
      return result === undefined ? chunks.next() : Promise.resolve(result);
    },
    return: () => chunks.return(),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
