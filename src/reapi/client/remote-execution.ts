import { create } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { CallOptions, Digest } from '../../castore/index.ts';
import { GrpcStatus, statusNameOf } from '../../grpc/index.ts';
import {
  CancelOperationRequestSchema,
  DigestFunction_Value,
  type ExecuteOperationMetadata,
  ExecuteOperationMetadataSchema,
  ExecuteRequestSchema,
  type ExecuteResponse,
  ExecuteResponseSchema,
  type Operation,
  WaitExecutionRequestSchema,
  executionMethods,
  operationsMethods,
} from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import { ReapiError } from '../error.ts';
import type { ReapiServer } from './reapi-server.ts';
import { Attempts } from './retry.ts';

export interface RemoteExecution {
  /** Of an action that is in the server's store, with its command and its input root. */
  readonly action: Digest;
  readonly skipCacheLookup?: boolean;
  readonly priority?: number;
}

export interface ExecuteRemotelyOptions extends CallOptions {
  /** Told of each change of state. */
  readonly progress?: (name: string, metadata: ExecuteOperationMetadata | undefined) => void;
}

/** Milliseconds that a server has to take note that nobody wants an execution any more. */
const cancelTimeout = 5000;

/**
 * Has a REAPI server execute an action and waits for its response, whose `status` says whether the action was run; one
 * that ended with an exit code other than 0 was. A stream that breaks is taken up by WaitExecution. An abort of the
 * signal cancels the execution, which others may go on waiting for. Throws `GrpcStatus`, `server/bad-answer`.
 */
export async function executeRemotely(
  server: ReapiServer,
  execution: RemoteExecution,
  options: ExecuteRemotelyOptions = {},
): Promise<ExecuteResponse> {
  const { signal, progress } = options;
  const attempts = new Attempts(server.retries);
  let name: string | undefined;
  for (;;) {
    try {
      for await (const operation of operations(server, execution, name, signal)) {
        attempts.progress();
        ({ name } = operation);
        progress?.(name, operation.metadata && anyUnpack(operation.metadata, ExecuteOperationMetadataSchema));
        if (operation.done) return responseOf(operation);
      }
      throw new GrpcStatus('unavailable', `the server stopped telling of the execution '${name ?? ''}'`);
    } catch (error) {
      if (signal?.aborted === true && name !== undefined) await cancelExecution(server, name);
      if (name !== undefined && error instanceof GrpcStatus && error.code === 'notFound') {
        // A server that was started anew knows nothing of it, and is there, however long it was away.
        name = undefined;
        attempts.progress();
        await attempts.pause(new GrpcStatus('unavailable', error.message, { cause: error }), signal);
      } else await attempts.pause(error, signal);
    }
  }
}

function operations(
  { client, instance }: ReapiServer,
  { action, skipCacheLookup = false, priority = 0 }: RemoteExecution,
  name: string | undefined,
  signal: AbortSignal | undefined,
): AsyncIterable<Operation> {
  if (name !== undefined) {
    return client.serverStreaming(executionMethods.waitExecution, create(WaitExecutionRequestSchema, { name }), {
      signal,
    });
  }
  const request = create(ExecuteRequestSchema, {
    instanceName: instance,
    skipCacheLookup,
    actionDigest: messageOfOwnDigest(action),
    executionPolicy: { priority },
    digestFunction: DigestFunction_Value.SHA256,
  });
  return client.serverStreaming(executionMethods.execute, request, { signal });
}

function responseOf({ name, result }: Operation): ExecuteResponse {
  if (result.case === 'error') throw new GrpcStatus(statusNameOf(result.value.code), result.value.message);
  const response = result.case === 'response' ? anyUnpack(result.value, ExecuteResponseSchema) : undefined;
  if (response !== undefined) return response;
  throw new ReapiError('server/bad-answer', `the execution '${name}' ended without a response`);
}

/** Tells a server that an execution is not wanted any more; it may be gone, or be wanted by others. */
async function cancelExecution({ client }: ReapiServer, name: string): Promise<void> {
  const request = create(CancelOperationRequestSchema, { name });
  try {
    await client.unary(operationsMethods.cancelOperation, request, { timeout: cancelTimeout });
  } catch (error) {
    if (!(error instanceof GrpcStatus)) throw error;
  }
}
