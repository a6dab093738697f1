import { create } from '@bufbuild/protobuf';
import { type BlobBatch, type BlobStore, type Digest, FastCdc, digestOf, formatDigest } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import {
  ChunkingFunction_Value,
  DigestFunction_Value,
  SpliceBlobRequestSchema,
  contentAddressableStorageMethods,
} from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import type { ReapiServer } from './reapi-server.ts';
import type { Chunking } from './server-traits.ts';

export interface UploadInChunksOptions {
  readonly chunking: Chunking;
  readonly signal: AbortSignal;
  /** Asked for chunks that are there. */
  readonly store: BlobStore;
  /** A batch for the chunks that are not. */
  readonly batch: () => BlobBatch;
  /** The blob's bytes from the beginning, each time it is called. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** Blobs of fewer average chunks than this are sent as they are. */
export const fewestChunks = 4;

/**
 * Sends those chunks of a blob that the server lacks, and has it put the blob together. False where it does not, or where
 * a chunk is gone meanwhile: the blob is to be sent as it is then.
 */
export async function uploadInChunks(
  server: ReapiServer,
  digest: Digest,
  options: UploadInChunksOptions,
): Promise<boolean> {
  const { signal, store } = options;
  const chunks: Digest[] = [];
  for await (const chunk of chunksOf(options)) chunks.push(digestOf(chunk));
  const missing = new Set((await store.findMissing(chunks, { signal })).map(formatDigest));
  await using batch = options.batch();
  if (missing.size > 0) {
    let at = 0;
    // Read again rather than kept: a blob may be larger than memory.
    for await (const chunk of chunksOf(options)) {
      const expected = chunks[at++];
      if (expected !== undefined && missing.delete(formatDigest(expected)))
        await batch.put(chunk, { expected, signal });
    }
    await batch.commit({ signal });
  }
  const request = create(SpliceBlobRequestSchema, {
    instanceName: server.instance,
    blobDigest: messageOfOwnDigest(digest),
    chunkDigests: chunks.map(messageOfOwnDigest),
    digestFunction: DigestFunction_Value.SHA256,
    chunkingFunction: ChunkingFunction_Value.FAST_CDC_2020,
  });
  try {
    await server.call(contentAddressableStorageMethods.spliceBlob, request, { signal });
    return true;
  } catch (error) {
    if (error instanceof GrpcStatus && (error.code === 'notFound' || error.code === 'unimplemented')) return false;
    throw error;
  }
}

/** Each chunk is lent until the next is asked for. */
async function* chunksOf({ chunking, open }: UploadInChunksOptions): AsyncGenerator<Uint8Array, void> {
  const chunker = new FastCdc(chunking);
  for await (const bytes of open()) yield* chunker.push(bytes);
  yield* chunker.finish();
}
