import { create } from '@bufbuild/protobuf';
import { EmptySchema, durationMs } from '@bufbuild/protobuf/wkt';
import { GrpcStatus, type Route, type ServerCall, unary } from '../../grpc/index.ts';
import { ListOperationsResponseSchema, operationsMethods } from '../../proto/index.ts';
import type { Operation } from '../../reapi/index.ts';
import type { ExecutionPlace } from './execution-place.ts';
import { requireOperation, requireQueue } from './execution-service.ts';
import { nothingInline, operationMessage } from './operation-message.ts';

/** Operations in one response. */
const maxPage = 1000;

/** `google.longrunning.Operations` of executions. */
export function operationsRoutes(place: ExecutionPlace): Route[] {
  const show = (operation: Operation, { signal }: ServerCall) =>
    operationMessage(operation, operation.state, { blobs: place.blobs, signal, inline: nothingInline });
  return [
    unary(operationsMethods.getOperation, ({ name }, call) => show(requireOperation(place, name, call), call)),
    unary(operationsMethods.listOperations, async (request, call) => {
      const instance = instanceOf(request.name);
      place.access.require(call, instance, 'execute');
      if (request.filter !== '') throw new GrpcStatus('invalidArgument', 'operations cannot be listed by a filter');
      const size = request.pageSize > 0 ? Math.min(request.pageSize, maxPage) : maxPage;
      const { page, next } = pageOf(operationsOf(place, instance), size, request.pageToken);
      const operations = await Promise.all(page.map(operation => show(operation, call)));
      return create(ListOperationsResponseSchema, { operations, nextPageToken: next });
    }),
    unary(operationsMethods.cancelOperation, ({ name }, call) => {
      requireQueue(place).cancel(requireOperation(place, name, call));
      return create(EmptySchema);
    }),
    unary(operationsMethods.deleteOperation, ({ name }, call) => {
      requireQueue(place).forget(requireOperation(place, name, call));
      return create(EmptySchema);
    }),
    unary(operationsMethods.waitOperation, async ({ name, timeout }, call) => {
      const operation = requireOperation(place, name, call);
      await completed(operation, call.signal, timeout === undefined ? undefined : durationMs(timeout));
      return show(operation, call);
    }),
  ];
}

/** Of `INSTANCE`, `INSTANCE/operations` or either without an instance. */
function instanceOf(name: string): string {
  return name.replace(/(^|\/)operations\/?$/, '');
}

function operationsOf(place: ExecutionPlace, instance: string): Operation[] {
  return Array.from(requireQueue(place).list()).filter(({ key }) => key.instance === instance);
}

/** `token` is the name of the last one of the page before. */
function pageOf(all: readonly Operation[], size: number, token: string) {
  const start = token === '' ? 0 : all.findIndex(({ name }) => name === token) + 1;
  if (token !== '' && start === 0)
    throw new GrpcStatus('invalidArgument', 'the operation that a page ended with is gone');
  const page = all.slice(start, start + size);
  return { page, next: start + size < all.length ? (page.at(-1)?.name ?? '') : '' };
}

/** Resolves when it is, or when `milliseconds` are over. */
async function completed(operation: Operation, signal: AbortSignal, milliseconds: number | undefined): Promise<void> {
  const over = milliseconds === undefined ? undefined : AbortSignal.timeout(Math.min(milliseconds, 2 ** 31 - 1));
  try {
    for await (const _ of operation.watch(over === undefined ? signal : AbortSignal.any([signal, over])));
  } catch (error) {
    signal.throwIfAborted();
    if (over?.aborted !== true) throw error;
  }
}
