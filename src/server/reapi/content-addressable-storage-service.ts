import { create } from '@bufbuild/protobuf';
import type { ForeignDigest } from '../../castore/index.ts';
import { GrpcStatus, type Route, statusCodes, unary } from '../../grpc/index.ts';
import {
  BatchReadBlobsResponseSchema,
  type BatchReadBlobsResponse_Response,
  BatchReadBlobsResponse_ResponseSchema,
  BatchUpdateBlobsResponseSchema,
  BatchUpdateBlobsResponse_ResponseSchema,
  Compressor_Value,
  DigestSchema,
  FindMissingBlobsResponseSchema,
  StatusSchema,
  contentAddressableStorageMethods,
} from '../../proto/index.ts';
import { messageOfDigest } from '../../reapi/index.ts';
import { statusOfError } from '../status-of-error.ts';
import { getTreeRoute } from './get-tree.ts';
import type { ReapiPlace } from './reapi-place.ts';
import { requestedDigests } from './requested-digests.ts';
import type { SentBlob } from './served-blobs.ts';
import { splitBlobRoutes } from './split-blobs.ts';
import { compressBlob, decompressBlob } from './zstd-blobs.ts';

/** Smaller blobs are sent as they are: compressing them saves less than it costs. In bytes. */
const compressedFrom = 1024;

/** `build.bazel.remote.execution.v2.ContentAddressableStorage` */
export function contentAddressableStorageRoutes(place: ReapiPlace): Route[] {
  return [
    findMissingRoute(place),
    batchUpdateRoute(place),
    batchReadRoute(place),
    getTreeRoute(place),
    ...splitBlobRoutes(place),
  ];
}

function findMissingRoute({ access, blobs }: ReapiPlace): Route {
  return unary(contentAddressableStorageMethods.findMissingBlobs, async (request, call) => {
    access.require(call, request.instanceName, 'read');
    const digests = requestedDigests(request.blobDigests, request.digestFunction, 'a digest of the request');
    const missing = await blobs.findMissing(digests, call.signal);
    return create(FindMissingBlobsResponseSchema, { missingBlobDigests: missing.map(digestMessage) });
  });
}

function batchUpdateRoute({ access, blobs, limits }: ReapiPlace): Route {
  return unary(contentAddressableStorageMethods.batchUpdateBlobs, async (request, call) => {
    access.require(call, request.instanceName, 'write');
    const digests = requestedDigests(
      request.requests.map(({ digest }) => digest),
      request.digestFunction,
      'the digest of a blob',
    );
    requireBatchSize(digests, limits.batchSize);
    const results = request.requests.map((): GrpcStatus | undefined => undefined);
    const sent: { readonly at: number; readonly blob: SentBlob }[] = [];
    for (const [at, { data, compressor }] of request.requests.entries()) {
      const expected = digests[at];
      if (expected === undefined) continue;
      try {
        sent.push({ at, blob: { expected, bytes: plainBytes(data, compressor, expected.size) } });
      } catch (error) {
        results[at] = statusOfError(error);
      }
    }
    const refused = await blobs.put(
      sent.map(({ blob }) => blob),
      call.signal,
    );
    for (const [i, { at }] of sent.entries()) {
      const error = refused[i];
      if (error !== undefined) results[at] = statusOfError(error);
    }
    return create(BatchUpdateBlobsResponseSchema, {
      responses: digests.map((digest, i) =>
        create(BatchUpdateBlobsResponse_ResponseSchema, {
          digest: digestMessage(digest),
          status: statusOf(results[i]),
        }),
      ),
    });
  });
}

function batchReadRoute({ access, blobs, limits }: ReapiPlace): Route {
  return unary(contentAddressableStorageMethods.batchReadBlobs, async (request, call) => {
    access.require(call, request.instanceName, 'read');
    const digests = requestedDigests(request.digests, request.digestFunction, 'a digest of the request');
    requireBatchSize(digests, limits.batchSize);
    const held = await blobs.memory.acquire(sizeOf(digests), call.signal);
    call.onClose(() => held[Symbol.dispose]());
    const mayCompress = request.acceptableCompressors.includes(Compressor_Value.ZSTD);
    const responses: BatchReadBlobsResponse_Response[] = [];
    for (const digest of digests) {
      const response = create(BatchReadBlobsResponse_ResponseSchema, { digest: digestMessage(digest) });
      responses.push(response);
      try {
        const data = await blobs.get(digest, { limit: limits.batchSize, signal: call.signal });
        if (data === undefined) throw new GrpcStatus('notFound', `the blob ${digest.hash}/${digest.size} is absent`);
        const compressed = mayCompress && data.byteLength >= compressedFrom ? compressBlob(data) : data;
        const isSmaller = compressed.byteLength < data.byteLength;
        response.data = isSmaller ? compressed : data;
        response.compressor = isSmaller ? Compressor_Value.ZSTD : Compressor_Value.IDENTITY;
        response.status = statusOf(undefined);
      } catch (error) {
        response.status = statusOf(statusOfError(error));
      }
    }
    return create(BatchReadBlobsResponseSchema, { responses });
  });
}

function sizeOf(digests: readonly ForeignDigest[]): number {
  let total = 0;
  for (const { size } of digests) total += size;
  return total;
}

/** Throws `invalidArgument`, before anything is looked at. */
function requireBatchSize(digests: readonly ForeignDigest[], limit: number): void {
  const total = sizeOf(digests);
  if (total <= limit) return;
  const message = `blobs of ${total} bytes are beyond the limit of ${limit} for one batch: use ByteStream for large ones`;
  throw new GrpcStatus('invalidArgument', message);
}

function plainBytes(data: Uint8Array, compressor: Compressor_Value, size: number): Uint8Array {
  if (compressor === Compressor_Value.IDENTITY) return data;
  if (compressor === Compressor_Value.ZSTD) return decompressBlob(data, size);
  throw new GrpcStatus('invalidArgument', `the compressor ${compressor} is not served, only zstd (1)`);
}

export function digestMessage(digest: ForeignDigest) {
  return create(DigestSchema, messageOfDigest(digest));
}

/** A `google.rpc.Status`; of what went well when there is none. */
function statusOf(status: GrpcStatus | undefined) {
  if (status === undefined) return create(StatusSchema, {});
  return create(StatusSchema, { code: statusCodes[status.code], message: status.message });
}
