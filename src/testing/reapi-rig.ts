import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { type ForeignDigest, MemoryBlobStore, digestOf, putBlob } from '../castore/index.ts';
import {
  GrpcServer,
  GrpcStatus,
  type ListenAddress,
  type Route,
  type ServerAddress,
  clientStreaming,
  serverStreaming,
  unary,
} from '../grpc/index.ts';
import {
  type ActionResult,
  ActionResultSchema,
  BatchReadBlobsResponseSchema,
  BatchUpdateBlobsResponseSchema,
  Code,
  Compressor_Value,
  DigestFunction_Value,
  FindMissingBlobsResponseSchema,
  QueryWriteStatusResponseSchema,
  ReadResponseSchema,
  ServerCapabilitiesSchema,
  SpliceBlobResponseSchema,
  WriteResponseSchema,
  actionCacheMethods,
  byteStreamMethods,
  capabilitiesMethods,
  contentAddressableStorageMethods,
} from '../proto/index.ts';
import { ownDigestOf, parseBlobResource, parseUploadResource } from '../reapi/index.ts';

export interface ReapiRigOptions {
  readonly zstd?: boolean;
  readonly maxBatchSize?: number;
  /** By which blobs are to be split, if they are. */
  readonly averageChunkSize?: number;
  /** Where it listens; a free port of the loopback interface unless given. */
  readonly listen?: ListenAddress;
  /** What `authorization` must be. */
  readonly authorization?: string;
}

/**
 * A cache that speaks REAPI, in memory, with the faults that a test asks for: the simplest one that there can be, and none
 * of our own server's code.
 */
export class ReapiRig implements AsyncDisposable {
  readonly blobs = new MemoryBlobStore();
  readonly results = new Map<string, ActionResult>();
  /** Paths of the calls that came, in their order. */
  readonly calls: string[] = [];
  /** Called for each call; what it throws is the answer. */
  fault: (path: string) => void = () => {};
  /** Bytes after which the next stream, either way, breaks. */
  breakAfter = Infinity;
  /** Bytes of blobs that came, as they came. */
  received = 0;
  /** Given instead of what blobs are. */
  lie: ((bytes: Uint8Array) => Uint8Array) | undefined;
  readonly #options: ReapiRigOptions;
  readonly #server: GrpcServer;
  readonly #uploads = new Map<string, Uint8Array[]>();
  #port = 0;

  private constructor(options: ReapiRigOptions) {
    this.#options = options;
    this.#server = new GrpcServer([...this.#cacheRoutes(), ...this.#streamRoutes()]);
  }

  static async start(options: ReapiRigOptions = {}): Promise<ReapiRig> {
    const rig = new ReapiRig(options);
    const { listen = { transport: 'tcp', host: '127.0.0.1', port: 0 } } = options;
    rig.#port = (await rig.#server.listen(listen)).port;
    return rig;
  }

  get address(): ServerAddress {
    return { transport: 'tcp', host: '127.0.0.1', port: this.#port };
  }

  /** `host:port` */
  get authority(): string {
    return `127.0.0.1:${this.#port}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }

  #begin(path: string): void {
    this.calls.push(path.slice(path.lastIndexOf('/') + 1));
    this.fault(path);
  }

  #cacheRoutes(): Route[] {
    const cas = contentAddressableStorageMethods;
    const compressors = this.#options.zstd === true ? [Compressor_Value.ZSTD] : [];
    return [
      unary(capabilitiesMethods.getCapabilities, (_, { path, metadata }) => {
        this.#begin(path);
        const { authorization } = this.#options;
        if (authorization !== undefined && metadata.get('authorization') !== authorization) {
          throw new GrpcStatus('unauthenticated', 'no such token');
        }
        return create(ServerCapabilitiesSchema, {
          cacheCapabilities: {
            digestFunctions: [DigestFunction_Value.SHA256],
            maxBatchTotalSizeBytes: BigInt(this.#options.maxBatchSize ?? 0),
            supportedCompressors: compressors,
            supportedBatchUpdateCompressors: compressors,
            spliceBlobSupport: true,
            fastCdc2020Params: { avgChunkSizeBytes: BigInt(this.#options.averageChunkSize ?? 0) },
            actionCacheUpdateCapabilities: { updateEnabled: true },
          },
        });
      }),
      unary(cas.findMissingBlobs, async (request, { path }) => {
        this.#begin(path);
        const digests = request.blobDigests.map(digest => ownDigestOf(digest, 'blob_digests'));
        const missing = await this.blobs.findMissing(digests);
        return create(FindMissingBlobsResponseSchema, { missingBlobDigests: missing.map(wireDigest) });
      }),
      unary(cas.batchUpdateBlobs, async (request, { path }) => {
        this.#begin(path);
        for (const { data, compressor } of request.requests) {
          this.received += data.byteLength;
          await putBlob(this.blobs, compressor === Compressor_Value.ZSTD ? zstdDecompressSync(data) : data);
        }
        const responses = request.requests.map(({ digest }) => (digest === undefined ? {} : { digest }));
        return create(BatchUpdateBlobsResponseSchema, { responses });
      }),
      unary(cas.batchReadBlobs, async (request, { path }) => {
        this.#begin(path);
        const responses = [];
        for (const message of request.digests) {
          const bytes = await this.blobs.get(ownDigestOf(message, 'digests'));
          const given = bytes === undefined ? undefined : (this.lie?.(bytes) ?? bytes);
          if (given === undefined) responses.push({ digest: message, status: { code: Code.NOT_FOUND } });
          else if (this.#options.zstd !== true) responses.push({ digest: message, data: given });
          else responses.push({ digest: message, data: zstdCompressSync(given), compressor: Compressor_Value.ZSTD });
        }
        return create(BatchReadBlobsResponseSchema, { responses });
      }),
      unary(cas.spliceBlob, async (request, { path }) => {
        this.#begin(path);
        const pieces: Uint8Array[] = [];
        for (const message of request.chunkDigests) {
          const piece = await this.blobs.get(ownDigestOf(message, 'chunk_digests'));
          if (piece === undefined) throw new GrpcStatus('notFound', 'no such chunk');
          pieces.push(piece);
        }
        const { hash, size } = await putBlob(this.blobs, Buffer.concat(pieces));
        return create(SpliceBlobResponseSchema, { blobDigest: wireDigest({ hash, size }) });
      }),
      unary(actionCacheMethods.getActionResult, (request, { path }) => {
        this.#begin(path);
        const result = this.results.get(`${request.instanceName} ${request.actionDigest?.hash}`);
        if (result === undefined) throw new GrpcStatus('notFound', 'no such result');
        return result;
      }),
      unary(actionCacheMethods.updateActionResult, (request, { path }) => {
        this.#begin(path);
        const result = request.actionResult ?? create(ActionResultSchema);
        this.results.set(`${request.instanceName} ${request.actionDigest?.hash}`, result);
        return result;
      }),
    ];
  }

  #streamRoutes(): Route[] {
    return [
      serverStreaming(byteStreamMethods.read, (request, { path }) => {
        this.#begin(path);
        return this.#read(request.resourceName, Number(request.readOffset));
      }),
      clientStreaming(byteStreamMethods.write, async (requests, { path }) => {
        this.#begin(path);
        let pieces: Uint8Array[] = [];
        let name = '';
        for await (const { resourceName, writeOffset, data, finishWrite } of requests) {
          if (resourceName !== '') {
            name = resourceName;
            pieces = this.#uploads.get(name) ?? [];
            this.#uploads.set(name, pieces);
          }
          if (Number(writeOffset) !== sizeOf(pieces)) throw new GrpcStatus('invalidArgument', 'not the next byte');
          pieces.push(data);
          this.received += data.byteLength;
          this.#count(data.byteLength);
          if (finishWrite) break;
        }
        const { compressor, digest } = parseUploadResource(name);
        const sent = Buffer.concat(pieces);
        const bytes = compressor === 'zstd' ? zstdDecompressSync(sent) : sent;
        if (digestOf(bytes).hash !== digest.hash) throw new GrpcStatus('invalidArgument', 'another digest');
        await putBlob(this.blobs, bytes);
        return create(WriteResponseSchema, { committedSize: compressor === 'zstd' ? -1n : BigInt(sent.byteLength) });
      }),
      unary(byteStreamMethods.queryWriteStatus, (request, { path }) => {
        this.#begin(path);
        const pieces = this.#uploads.get(request.resourceName);
        if (pieces === undefined) throw new GrpcStatus('notFound', 'no such upload');
        return create(QueryWriteStatusResponseSchema, { committedSize: BigInt(sizeOf(pieces)) });
      }),
    ];
  }

  async *#read(resourceName: string, offset: number) {
    const { compressor, digest } = parseBlobResource(resourceName);
    const bytes = await this.blobs.get(ownDigestOf({ hash: digest.hash, sizeBytes: BigInt(digest.size) }, 'name'));
    if (bytes === undefined) throw new GrpcStatus('notFound', 'no such blob');
    const given = (this.lie?.(bytes) ?? bytes).subarray(offset);
    const sent = compressor === 'zstd' ? zstdCompressSync(given) : given;
    for (let at = 0; at < sent.byteLength; at += chunkSize) {
      const data = sent.subarray(at, at + chunkSize);
      this.#count(data.byteLength);
      yield create(ReadResponseSchema, { data });
    }
  }

  #count(bytes: number): void {
    this.breakAfter -= bytes;
    if (this.breakAfter >= 0) return;
    this.breakAfter = Infinity;
    throw new GrpcStatus('unavailable', 'the stream breaks');
  }
}

const chunkSize = 64 * 1024;

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function wireDigest({ hash, size }: Pick<ForeignDigest, 'hash' | 'size'>) {
  return { hash, sizeBytes: BigInt(size) };
}
