import { randomUUID } from 'node:crypto';
import { Readable, pipeline } from 'node:stream';
import { createZstdCompress } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { type Digest, formatDigest } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import {
  QueryWriteStatusRequestSchema,
  type WriteRequest,
  WriteRequestSchema,
  byteStreamMethods,
} from '../../proto/index.ts';
import { formatUploadResource } from '../digests/blob-resource.ts';
import { ReapiError } from '../error.ts';
import type { ReapiServer } from './reapi-server.ts';
import { Attempts } from './retry.ts';

export interface UploadBlobOptions {
  /** As zstd, which the server must offer. */
  readonly zstd: boolean;
  readonly signal: AbortSignal;
  /** The blob's bytes from the beginning, each time it is called. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/**
 * Sends a blob by ByteStream. Where the connection breaks, goes on after what the server has of it; compressed bytes
 * begin anew. Throws `GrpcStatus`, `server/refused`.
 */
export async function uploadBlob(server: ReapiServer, digest: Digest, options: UploadBlobOptions): Promise<void> {
  const { zstd, signal } = options;
  const attempts = new Attempts(server.retries);
  const newName = () =>
    formatUploadResource({
      instance: server.instance,
      digest: { function: 'sha256', ...digest },
      compressor: zstd ? 'zstd' : 'identity',
      uploadId: randomUUID(),
    });
  let name = newName();
  for (let offset = 0; ;) {
    try {
      const bytes = zstd ? compressed(options.open()) : after(options.open(), offset);
      using _turn = await server.acquire(signal);
      const { committedSize } = await server.client.clientStreaming(
        byteStreamMethods.write,
        writes(name, offset, bytes),
        { signal },
      );
      // -1: the server had the blob, or does not count what was compressed.
      if (!zstd && committedSize !== -1n && Number(committedSize) !== digest.size) {
        const message = `the server took ${committedSize} bytes of the blob ${formatDigest(digest)}`;
        throw new ReapiError('server/refused', message);
      }
      return;
    } catch (error) {
      await attempts.pause(error, signal);
      if (zstd) name = newName();
      else {
        const reached = await queryOffset(server, name, digest, signal);
        if (reached === undefined) return;
        if (reached > offset) attempts.progress();
        offset = reached;
      }
    }
  }
}

/** How many bytes the server has of an upload; undefined once it has all of them. */
async function queryOffset(
  server: ReapiServer,
  resourceName: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const request = create(QueryWriteStatusRequestSchema, { resourceName });
    const { complete, committedSize } = await server.call(byteStreamMethods.queryWriteStatus, request, { signal });
    if (complete) return undefined;
    const offset = Number(committedSize);
    return offset >= 0 && offset <= digest.size ? offset : 0;
  } catch (error) {
    // A server that knows nothing of the upload, or of the question, gets all of it.
    if (error instanceof GrpcStatus && (error.code === 'notFound' || error.code === 'unimplemented')) return 0;
    throw error;
  }
}

async function* writes(
  resourceName: string,
  offset: number,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<WriteRequest, void> {
  let at = offset;
  let isFirst = true;
  let held: Uint8Array | undefined;
  const message = (data: Uint8Array, finishWrite: boolean) => {
    const request = create(WriteRequestSchema, {
      resourceName: isFirst ? resourceName : '',
      writeOffset: BigInt(at),
      finishWrite,
      data,
    });
    isFirst = false;
    at += data.byteLength;
    return request;
  };
  for await (const chunk of bytes) {
    if (held !== undefined) yield message(held, false);
    held = chunk;
  }
  yield message(held ?? new Uint8Array(0), true);
}

async function* after(chunks: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array, void> {
  let skip = offset;
  for await (const chunk of chunks) {
    if (skip < chunk.byteLength) yield chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.byteLength);
  }
}

async function* compressed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const codec = pipeline(Readable.from(chunks), createZstdCompress(), () => {
    // What fails comes up where the codec is read.
  });
  try {
    for await (const chunk of codec) if (chunk instanceof Uint8Array) yield chunk;
  } finally {
    codec.destroy();
  }
}
