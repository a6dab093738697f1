import { create } from '@bufbuild/protobuf';
import type { CallOptions } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import { ReadRequestSchema, byteStreamMethods } from '../../proto/index.ts';
import type { ReapiServer } from './reapi-server.ts';

/**
 * What an action writes while it is executed, by the name that the server gives the stream
 * (`ExecuteOperationMetadata.stdout_stream_name`); ends where the server does not go on.
 */
export async function* readLog(
  { client }: ReapiServer,
  resourceName: string,
  { signal }: CallOptions = {},
): AsyncGenerator<Uint8Array, void> {
  try {
    const request = create(ReadRequestSchema, { resourceName });
    for await (const { data } of client.serverStreaming(byteStreamMethods.read, request, { signal })) yield data;
  } catch (error) {
    // All of it is in the result, too.
    if (!(error instanceof GrpcStatus)) throw error;
  }
}
