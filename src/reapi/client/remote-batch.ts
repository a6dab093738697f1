import { zstdCompressSync } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { forEachConcurrent } from '../../base/index.ts';
import {
  type BlobBatch,
  type BlobStore,
  type CallOptions,
  CastoreError,
  type Digest,
  Digester,
  type PutOptions,
  type Sha256,
  checkDigest,
  digestOf,
  formatDigest,
} from '../../castore/index.ts';
import {
  BatchUpdateBlobsRequestSchema,
  BatchUpdateBlobsRequest_RequestSchema,
  Compressor_Value,
  DigestFunction_Value,
  contentAddressableStorageMethods,
} from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import { ReapiError } from '../error.ts';
import type { ReapiServer } from './reapi-server.ts';
import type { ServerTraits } from './server-traits.ts';
import { type SpooledPiece, UploadSpool } from './upload-spool.ts';
import { uploadBlob } from './upload-blob.ts';
import { fewestChunks, uploadInChunks } from './upload-in-chunks.ts';

interface SpooledBlob {
  readonly digest: Digest;
  readonly pieces: readonly SpooledPiece[];
}

/** Bytes that are gathered of a stream before they are held as one piece. */
const pieceSize = 256 * 1024;

/** What a blob costs in a message beside its bytes. */
const overhead = 128;

/**
 * Blobs on their way to a server: kept here until `commit`, which sends those that the server lacks. What it has then is
 * the server's to keep; nobody can forbid it to collect its garbage.
 */
export class RemoteBatch implements BlobBatch {
  readonly #server: ReapiServer;
  readonly #store: BlobStore;
  readonly #splices: boolean;
  readonly #spool = new UploadSpool();
  readonly #blobs = new Map<Sha256, SpooledBlob>();

  /** `splices`: large blobs are sent in chunks, where the server puts them together. */
  constructor(server: ReapiServer, store: BlobStore, splices = false) {
    this.#server = server;
    this.#store = store;
    this.#splices = splices;
  }

  async put(bytes: Uint8Array, options: PutOptions = {}): Promise<Digest> {
    options.signal?.throwIfAborted();
    const digest = digestOf(bytes);
    if (options.expected !== undefined) checkDigest(digest, options.expected);
    if (!this.#blobs.has(digest.hash)) {
      const piece = await this.#spool.hold(bytes);
      this.#blobs.set(digest.hash, { digest, pieces: [piece] });
    }
    return digest;
  }

  async putStream(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: PutOptions = {}): Promise<Digest> {
    const { expected, signal } = options;
    signal?.throwIfAborted();
    const digester = new Digester();
    const pieces: SpooledPiece[] = [];
    const gathered = Buffer.allocUnsafeSlow(pieceSize);
    let length = 0;
    for await (const chunk of source) {
      signal?.throwIfAborted();
      digester.update(chunk, expected);
      for (let from = 0; from < chunk.byteLength;) {
        const part = chunk.subarray(from, from + pieceSize - length);
        gathered.set(part, length);
        length += part.byteLength;
        from += part.byteLength;
        if (length < pieceSize) continue;
        pieces.push(await this.#spool.hold(gathered));
        length = 0;
      }
    }
    signal?.throwIfAborted();
    const digest = digester.finish();
    if (expected !== undefined) checkDigest(digest, expected);
    if (length > 0) pieces.push(await this.#spool.hold(gathered.subarray(0, length)));
    if (!this.#blobs.has(digest.hash)) this.#blobs.set(digest.hash, { digest, pieces });
    return digest;
  }

  /** A blob that was put here. */
  async read(digest: Digest): Promise<Uint8Array | undefined> {
    const blob = this.#blobs.get(digest.hash);
    return blob === undefined ? undefined : this.#whole(blob);
  }

  async commit(options: CallOptions = {}): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    const blobs = [...this.#blobs.values()].filter(({ digest }) => digest.size > 0);
    if (blobs.length === 0) return;
    const traits = await this.#server.traits(options);
    const missing = await this.#store.findMissing(
      blobs.map(({ digest }) => digest),
      options,
    );
    const absent = new Set(missing.map(({ hash }) => hash));
    const wanted = blobs.filter(({ digest }) => absent.has(digest.hash));
    for (const { digest } of wanted) {
      if (digest.size > (traits.maxBlobSize ?? Infinity)) throw tooLarge(digest, traits);
    }
    const chunkedFrom = this.#chunkedFrom(traits);
    const uploads = [...groupBlobs(wanted, Math.min(traits.maxBatchSize, chunkedFrom))];
    await forEachConcurrent(uploads, { limit: this.#server.concurrency, signal }, async (group, stop) => {
      const [first] = group;
      if (first === undefined) return;
      if (group.length === 1 && (await this.#sendChunks(first, traits, stop))) return;
      if (group.length === 1 && first.digest.size + overhead > traits.maxBatchSize) {
        await uploadBlob(this.#server, first.digest, {
          zstd: traits.zstd,
          signal: stop,
          open: () => this.#open(first),
        });
      } else await this.#sendTogether(group, traits, stop);
    });
  }

  /** Bytes from which on blobs are sent in chunks. */
  #chunkedFrom({ splicesBlobs, chunking }: ServerTraits): number {
    return this.#splices && splicesBlobs && chunking !== undefined ? chunking.averageSize * fewestChunks : Infinity;
  }

  /** Whether the blob is there then. */
  async #sendChunks(blob: SpooledBlob, traits: ServerTraits, signal: AbortSignal): Promise<boolean> {
    const { chunking } = traits;
    if (chunking === undefined || blob.digest.size < this.#chunkedFrom(traits)) return false;
    return uploadInChunks(this.#server, blob.digest, {
      chunking,
      signal,
      store: this.#store,
      batch: () => new RemoteBatch(this.#server, this.#store),
      open: () => this.#open(blob),
    });
  }

  async #sendTogether(group: readonly SpooledBlob[], traits: ServerTraits, signal: AbortSignal): Promise<void> {
    const requests = [];
    for (const blob of group) {
      const bytes = await this.#whole(blob);
      const packed = traits.zstdBatches ? zstdCompressSync(bytes) : bytes;
      const isPacked = packed.byteLength < bytes.byteLength;
      requests.push(
        create(BatchUpdateBlobsRequest_RequestSchema, {
          digest: messageOfOwnDigest(blob.digest),
          data: isPacked ? packed : bytes,
          compressor: isPacked ? Compressor_Value.ZSTD : Compressor_Value.IDENTITY,
        }),
      );
    }
    const request = create(BatchUpdateBlobsRequestSchema, {
      instanceName: this.#server.instance,
      requests,
      digestFunction: DigestFunction_Value.SHA256,
    });
    const answer = await this.#server.call(contentAddressableStorageMethods.batchUpdateBlobs, request, { signal });
    const taken = new Map(answer.responses.map(({ digest, status }) => [digest?.hash, status]));
    for (const { digest } of group) {
      const status = taken.get(digest.hash);
      if (taken.has(digest.hash) && (status?.code ?? 0) === 0) continue;
      const reason = taken.has(digest.hash) ? (status?.message ?? '') : 'it does not say why';
      throw new ReapiError('server/refused', `the server did not take the blob ${formatDigest(digest)}: ${reason}`);
    }
  }

  async #whole({ digest, pieces }: SpooledBlob): Promise<Uint8Array> {
    const [first] = pieces;
    if (first !== undefined && pieces.length === 1) return this.#spool.read(first);
    const bytes = await Promise.all(pieces.map(piece => this.#spool.read(piece)));
    return Buffer.concat(bytes, digest.size);
  }

  async *#open({ pieces }: SpooledBlob): AsyncGenerator<Uint8Array, void> {
    for (const piece of pieces) yield await this.#spool.read(piece);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#blobs.clear();
    await this.#spool[Symbol.asyncDispose]();
  }
}

/** Groups that fit a message each, and those alone that fit none. */
function* groupBlobs(blobs: readonly SpooledBlob[], maxBatchSize: number): Generator<readonly SpooledBlob[]> {
  let group: SpooledBlob[] = [];
  let size = 0;
  for (const blob of blobs) {
    const cost = blob.digest.size + overhead;
    if (cost > maxBatchSize) {
      yield [blob];
      continue;
    }
    if (size + cost > maxBatchSize) {
      yield group;
      group = [];
      size = 0;
    }
    group.push(blob);
    size += cost;
  }
  if (group.length > 0) yield group;
}

function tooLarge(digest: Digest, { maxBlobSize }: ServerTraits): CastoreError {
  const message = `the blob ${formatDigest(digest)} is larger than the ${maxBlobSize} bytes that the server takes`;
  return new CastoreError('blob/too-large', message);
}
