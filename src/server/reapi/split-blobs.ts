import { create } from '@bufbuild/protobuf';
import {
  type BlobAlias,
  CastoreError,
  type Digest,
  type ForeignDigest,
  aliasBlob,
  formatForeignDigest,
  putForeign,
  spliceBlob,
  splitBlob,
} from '../../castore/index.ts';
import { GrpcStatus, type Route, unary } from '../../grpc/index.ts';
import {
  ChunkingFunction_Value,
  DigestSchema,
  SpliceBlobResponseSchema,
  SplitBlobResponseSchema,
  contentAddressableStorageMethods,
} from '../../proto/index.ts';
import { messageOfDigest } from '../../reapi/index.ts';
import { chunkParameters } from './capabilities-service.ts';
import type { ReapiPlace } from './reapi-place.ts';
import { requestedDigest, requestedDigests } from './requested-digests.ts';
import type { ServedBlobs } from './served-blobs.ts';

/** Chunks of one blob that are put together: 128 GiB of those of average size. */
const maxChunks = 262_144;

/** Blobs in chunks that depend on what is in them, and back: what two blobs share is transferred once. */
export function splitBlobRoutes({ access, blobs, limits }: ReapiPlace): Route[] {
  return [
    unary(contentAddressableStorageMethods.splitBlob, async (request, call) => {
      access.require(call, request.instanceName, 'read');
      const digest = requestedDigest(request.blobDigest, request.digestFunction, 'the digest of the blob');
      const own = await blobs.ownDigest(digest, call.signal);
      const chunks = own && (await splitBlob(blobs.store, own, { ...chunkParameters, signal: call.signal }));
      if (chunks === undefined) throw absent(digest);
      const named = await nameChunks(blobs, chunks, digest);
      const missing = await blobs.findMissing(named, call.signal);
      if (missing[0] !== undefined) throw absent(missing[0]);
      return create(SplitBlobResponseSchema, {
        chunkDigests: named.map(chunk => create(DigestSchema, messageOfDigest(chunk))),
        chunkingFunction: ChunkingFunction_Value.FAST_CDC_2020,
      });
    }),
    unary(contentAddressableStorageMethods.spliceBlob, async (request, call) => {
      access.require(call, request.instanceName, 'write');
      const digest = requestedDigest(request.blobDigest, request.digestFunction, 'the digest of the blob');
      const chunks = requestedDigests(request.chunkDigests, request.digestFunction, 'the digest of a chunk');
      if (digest.size > limits.blobSize) {
        throw new GrpcStatus(
          'invalidArgument',
          `a blob of ${digest.size} bytes is beyond the limit of ${limits.blobSize}`,
        );
      }
      if (chunks.length > maxChunks) throw new GrpcStatus('invalidArgument', `more than ${maxChunks} chunks`);
      if (!(await blobs.has(digest, call.signal))) await splice(blobs, { digest, chunks }, call.signal);
      return create(SpliceBlobResponseSchema, { blobDigest: create(DigestSchema, messageOfDigest(digest)) });
    }),
  ];
}

/** What chunks are called in the function of the blob that they are of. */
async function nameChunks(
  blobs: ServedBlobs,
  chunks: readonly Digest[],
  { function: digestFunction }: ForeignDigest,
): Promise<ForeignDigest[]> {
  const known = await blobs.foreign.blobs.findForeign(chunks, digestFunction);
  const added: BlobAlias[] = [];
  const named: ForeignDigest[] = [];
  for (const [i, chunk] of chunks.entries()) {
    let name = known[i];
    if (name === undefined) {
      const alias = await aliasBlob(blobs.store, chunk, digestFunction);
      if (alias === undefined)
        throw new CastoreError('blob/missing', `the chunk ${chunk.hash}/${chunk.size} is absent`);
      added.push(alias);
      name = alias.foreign;
    }
    named.push(name);
  }
  await blobs.foreign.blobs.record(added);
  return named;
}

async function splice(
  blobs: ServedBlobs,
  { digest, chunks }: { readonly digest: ForeignDigest; readonly chunks: readonly ForeignDigest[] },
  signal: AbortSignal,
): Promise<void> {
  const own = await blobs.foreign.blobs.find(chunks, { signal });
  const known = own.filter(chunk => chunk !== undefined);
  const unknown = chunks.find((_, i) => own[i] === undefined);
  if (unknown !== undefined) throw absent(unknown);
  await blobs.reserve(digest.size);
  await using batch = blobs.store.batch();
  const { hash, size } = digest;
  if (digest.function === 'sha256') {
    const expected = await blobs.ownDigest(digest);
    const spliced = await spliceBlob(blobs.store, known, batch, { ...(expected && { expected }), signal });
    await blobs.commit(batch, [{ foreign: digest, digest: spliced }]);
    return;
  }
  const total = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  if (total !== size) {
    throw new CastoreError('digest/mismatch', `the chunks have ${total} bytes, and the blob ${hash}/${size} has not`);
  }
  const bytes = async function* () {
    for (const chunk of chunks) {
      const opened = await blobs.open(chunk, { signal });
      if (opened === undefined) throw absent(chunk);
      yield* opened;
    }
  };
  await blobs.commit(batch, [await putForeign(batch, bytes(), digest, { signal })]);
}

function absent(digest: ForeignDigest): CastoreError {
  return new CastoreError('blob/missing', `the blob ${formatForeignDigest(digest)} is absent`);
}
