import { GrpcStatus, type Route, type ServerCall, serverStreaming } from '../../grpc/index.ts';
import { type ExecuteRequest, executionMethods } from '../../proto/index.ts';
import { type ActionPlan, type ExecutionQueue, type Operation, ReapiError, readAction } from '../../reapi/index.ts';
import type { ExecutionPlace } from './execution-place.ts';
import { nothingInline, operationMessage } from './operation-message.ts';
import { requestedDigest } from './requested-digests.ts';

/** `build.bazel.remote.execution.v2.Execution` */
export function executionRoutes(place: ExecutionPlace): Route[] {
  const { access, blobs } = place;
  return [
    serverStreaming(executionMethods.execute, async function* (request, call) {
      access.require(call, request.instanceName, 'execute');
      const operation = await beginOperation(place, request, call);
      const view = { blobs, signal: call.signal, inline: request };
      for await (const state of operation.watch(call.signal)) yield operationMessage(operation, state, view);
    }),
    serverStreaming(executionMethods.waitExecution, async function* ({ name }, call) {
      const operation = requireOperation(place, name, call);
      const view = { blobs, signal: call.signal, inline: nothingInline };
      for await (const state of operation.watch(call.signal)) yield operationMessage(operation, state, view);
    }),
  ];
}

async function beginOperation(place: ExecutionPlace, request: ExecuteRequest, call: ServerCall): Promise<Operation> {
  const { instanceName: instance, executionPolicy, skipCacheLookup: skipsCache } = request;
  const queue = requireQueue(place);
  const action = requestedDigest(request.actionDigest, request.digestFunction, 'the digest of the action');
  const read = await readAction(place.blobs.store, action, { signal: call.signal });
  const plan = allowedPlan(read, place, { call, instance });
  // By its daemon an action adds to the store.
  if (plan.store?.wantsDaemon === true) place.access.require(call, instance, 'write');
  const key = { instance, action };
  if (plan.channel !== undefined) place.channels.ofAction(plan.channel, key);
  return queue.execute({ key, plan, priority: executionPolicy?.priority ?? 0, skipsCache });
}

/** Throws `closure/refused` for store paths that the client's actions may not name. */
function allowedPlan(
  plan: ActionPlan,
  { access }: ExecutionPlace,
  { call, instance }: { readonly call: ServerCall; readonly instance: string },
): ActionPlan {
  const { closure = [], writable = [], rootFs, isWhole = false } = plan.store ?? {};
  const names = [...closure, ...writable, ...(rootFs === undefined ? [] : [rootFs])].map(({ path }) => path);
  const requester = { authorization: call.metadata.get('authorization'), peer: call.peer };
  const nameable = access.nameable(requester, instance, names);
  if (nameable === 'all') return plan;
  const refused = isWhole ? 'all' : names.find(name => !nameable.has(name));
  if (refused === undefined) return { ...plan, followsLinks: false };
  const message = `your actions may not name '${refused.slice(0, 300)}': the server's configuration says what they may ('store-paths')`;
  throw new ReapiError('closure/refused', message);
}

export function requireQueue({ queue }: ExecutionPlace): ExecutionQueue {
  if (queue === undefined) throw new GrpcStatus('unimplemented', 'this server executes no actions');
  return queue;
}

/** The operation of that name, which belongs to an instance in which the client may execute. Throws `operation/unknown`. */
export function requireOperation(place: ExecutionPlace, name: string, call: ServerCall): Operation {
  const operation = requireQueue(place).find(name);
  if (operation === undefined) {
    const shown = name.slice(0, 300);
    throw new ReapiError(
      'operation/unknown',
      `there is no operation '${shown}', or it ended long ago: execute it again`,
    );
  }
  place.access.require(call, operation.key.instance, 'execute');
  return operation;
}
