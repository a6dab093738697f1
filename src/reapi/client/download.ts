import { create } from '@bufbuild/protobuf';
import { CastoreError, type Digest, Digester, checkDigest, formatDigest, maxChunkSize } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import { ReadRequestSchema, byteStreamMethods } from '../../proto/index.ts';
import { decompress } from '../../store/index.ts';
import { formatBlobResource } from '../digests/blob-resource.ts';
import { ReapiError } from '../error.ts';
import type { ReapiServer } from './reapi-server.ts';
import { Attempts } from './retry.ts';

export interface DownloadBlobOptions {
  /** As zstd, which the server must offer. */
  readonly zstd: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * The blob's bytes from `offset` on, in chunks of at most 1 MiB; a connection that breaks is taken up where it broke.
 * Nothing is hashed. Throws `GrpcStatus` (`notFound` where the server lacks it), `digest/mismatch` where the bytes are
 * too many or too few.
 */
export async function* downloadFrom(
  server: ReapiServer,
  digest: Digest,
  offset: number,
  options: DownloadBlobOptions,
): AsyncGenerator<Uint8Array, void> {
  const { signal } = options;
  const attempts = new Attempts(server.retries);
  let at = offset;
  while (at < digest.size) {
    try {
      for await (const chunk of readOnce(server, digest, at, options)) {
        if (chunk.byteLength > digest.size - at) throw wrongSize(digest);
        at += chunk.byteLength;
        attempts.progress();
        for (let from = 0; from < chunk.byteLength; from += maxChunkSize) {
          yield chunk.subarray(from, from + maxChunkSize);
        }
      }
      if (at < digest.size) throw wrongSize(digest);
    } catch (error) {
      await attempts.pause(error, signal);
    }
  }
}

/** As `downloadFrom` from the beginning, hashed as it passes: the last chunk comes only when the bytes are the blob's. */
export async function* downloadVerified(
  server: ReapiServer,
  digest: Digest,
  options: DownloadBlobOptions,
): AsyncGenerator<Uint8Array, void> {
  const digester = new Digester();
  let held: Uint8Array | undefined;
  for await (const chunk of downloadFrom(server, digest, 0, options)) {
    digester.update(chunk, digest);
    if (held !== undefined) yield held;
    held = chunk;
  }
  checkDigest(digester.finish(), digest);
  if (held !== undefined) yield held;
}

async function* readOnce(
  server: ReapiServer,
  digest: Digest,
  offset: number,
  { zstd, signal }: DownloadBlobOptions,
): AsyncGenerator<Uint8Array, void> {
  const resource = {
    instance: server.instance,
    digest: { function: 'sha256', ...digest },
    compressor: zstd ? 'zstd' : 'identity',
  } as const;
  const request = create(ReadRequestSchema, {
    resourceName: formatBlobResource(resource),
    readOffset: BigInt(offset),
  });
  const data = dataOf(server.client.serverStreaming(byteStreamMethods.read, request, { signal }));
  if (!zstd) {
    yield* data;
    return;
  }
  try {
    yield* decompress(data, 'zstd', { signal });
  } catch (error) {
    if (error instanceof GrpcStatus || signal?.aborted === true) throw error;
    const message = `what the server sent for the blob ${formatDigest(digest)} is not its bytes as zstd`;
    throw new ReapiError('server/bad-answer', message, { cause: error });
  }
}

async function* dataOf(responses: AsyncIterable<{ readonly data: Uint8Array }>): AsyncGenerator<Uint8Array, void> {
  for await (const { data } of responses) if (data.byteLength > 0) yield data;
}

function wrongSize(digest: Digest): CastoreError {
  const message = `what the server sent for the blob ${formatDigest(digest)} has another size`;
  return new CastoreError('digest/mismatch', message);
}
