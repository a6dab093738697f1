import { zstdDecompressSync } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { type Digest, checkDigest, digestOf, formatDigest } from '../../castore/index.ts';
import { GrpcStatus, statusNameOf } from '../../grpc/index.ts';
import {
  BatchReadBlobsRequestSchema,
  type BatchReadBlobsResponse_Response,
  Compressor_Value,
  DigestFunction_Value,
  contentAddressableStorageMethods,
} from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import { ReapiError } from '../error.ts';
import type { ReapiServer } from './reapi-server.ts';

/** Blobs of one request, whose answers are looked up one by one. */
const maxBlobs = 1000;

/** What a blob costs in a message beside its bytes. */
const overhead = 128;

interface WantedBlob {
  readonly digest: Digest;
  readonly signal: AbortSignal | undefined;
  readonly settle: PromiseWithResolvers<Uint8Array | undefined>;
}

/**
 * Reads small blobs, many in one request: those that are asked for while all requests that may be under way are. So
 * nobody waits for company, and whoever asks for much gets it in few requests.
 */
export class BatchReader {
  readonly #server: ReapiServer;
  readonly #waiting = new Set<WantedBlob>();
  #underWay = 0;

  constructor(server: ReapiServer) {
    this.#server = server;
  }

  /** Undefined where it is absent. Throws `digest/mismatch` for other bytes. */
  async read(digest: Digest, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    const wanted: WantedBlob = { digest, signal, settle: Promise.withResolvers() };
    const abort = () => {
      this.#waiting.delete(wanted);
      wanted.settle.reject(signal?.reason);
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort, { once: true });
    this.#waiting.add(wanted);
    // Those that are asked for in this turn of the event loop go together.
    queueMicrotask(() => this.#start());
    try {
      return await wanted.settle.promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #start(): void {
    const most = Math.max(1, this.#server.concurrency >> 1);
    while (this.#underWay < most && this.#waiting.size > 0) {
      this.#underWay++;
      void this.#run();
    }
  }

  async #run(): Promise<void> {
    let taken: WantedBlob[] = [];
    try {
      const { maxBatchSize, zstd } = await this.#server.traits();
      taken = this.#take(maxBatchSize);
      if (taken.length > 0) await this.#fetch(taken, zstd);
    } catch (error) {
      // Before anything was taken, all that wait would fail the same way.
      for (const { settle } of taken.length > 0 ? taken : this.#take(Infinity)) settle.reject(error);
    } finally {
      this.#underWay--;
      this.#start();
    }
  }

  #take(maxBatchSize: number): WantedBlob[] {
    const taken: WantedBlob[] = [];
    let size = 0;
    for (const wanted of this.#waiting) {
      size += wanted.digest.size + overhead;
      if (taken.length > 0 && (size > maxBatchSize || taken.length >= maxBlobs)) break;
      this.#waiting.delete(wanted);
      taken.push(wanted);
    }
    return taken;
  }

  async #fetch(taken: readonly WantedBlob[], zstd: boolean): Promise<void> {
    const byDigest = new Map(taken.map(({ digest }) => [formatDigest(digest), digest]));
    const request = create(BatchReadBlobsRequestSchema, {
      instanceName: this.#server.instance,
      digests: [...byDigest.values()].map(messageOfOwnDigest),
      acceptableCompressors: zstd ? [Compressor_Value.ZSTD] : [],
      digestFunction: DigestFunction_Value.SHA256,
    });
    const { responses } = await this.#server.call(contentAddressableStorageMethods.batchReadBlobs, request);
    const answers = new Map<string, BatchReadBlobsResponse_Response>(
      responses.map(answer => [`${answer.digest?.hash}/${answer.digest?.sizeBytes ?? 0n}`, answer]),
    );
    for (const { digest, settle } of taken) {
      try {
        settle.resolve(bytesOf(digest, answers.get(formatDigest(digest))));
      } catch (error) {
        settle.reject(error);
      }
    }
  }
}

function bytesOf(digest: Digest, answer: BatchReadBlobsResponse_Response | undefined): Uint8Array | undefined {
  if (answer === undefined) {
    const message = `the server does not say whether it has the blob ${formatDigest(digest)}`;
    throw new ReapiError('server/bad-answer', message);
  }
  const code = statusNameOf(answer.status?.code ?? 0);
  if (code === 'notFound') return undefined;
  if (code !== 'ok') throw new GrpcStatus(code, `${formatDigest(digest)}: ${answer.status?.message ?? ''}`);
  const bytes = answer.compressor === Compressor_Value.ZSTD ? decompressed(digest, answer.data) : answer.data;
  checkDigest(digestOf(bytes), digest);
  return bytes;
}

function decompressed(digest: Digest, data: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(data, { maxOutputLength: Math.max(1, digest.size) });
  } catch (cause) {
    const message = `what the server sent for the blob ${formatDigest(digest)} is not its bytes as zstd`;
    throw new ReapiError('server/bad-answer', message, { cause });
  }
}
