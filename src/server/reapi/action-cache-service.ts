import { formatForeignDigest } from '../../castore/index.ts';
import { GrpcStatus, type Route, unary } from '../../grpc/index.ts';
import { actionCacheMethods } from '../../proto/index.ts';
import type { ExecutionPlace } from './execution-place.ts';
import { inlineContents } from './inline-contents.ts';
import { requestedDigest } from './requested-digests.ts';

/** `build.bazel.remote.execution.v2.ActionCache` */
export function actionCacheRoutes({ access, blobs, cache }: ExecutionPlace): Route[] {
  return [
    unary(actionCacheMethods.getActionResult, async (request, call) => {
      const { instanceName: instance } = request;
      access.require(call, instance, 'read');
      const action = requestedDigest(request.actionDigest, request.digestFunction, 'the digest of the action');
      const found = await cache.get({ instance, action }, { signal: call.signal });
      if (found === undefined)
        throw new GrpcStatus('notFound', `no result of the action ${formatForeignDigest(action)} is known`);
      const { function: digestFunction } = action;
      return inlineContents(found.result, request, { blobs, digestFunction, signal: call.signal });
    }),
    unary(actionCacheMethods.updateActionResult, async (request, call) => {
      const { instanceName: instance, actionResult: result } = request;
      access.require(call, instance, 'write');
      const action = requestedDigest(request.actionDigest, request.digestFunction, 'the digest of the action');
      if (result === undefined) throw new GrpcStatus('invalidArgument', 'the result of the action is missing');
      await cache.record({ instance, action }, result, { origin: 'uploaded', signal: call.signal });
      return result;
    }),
  ];
}
