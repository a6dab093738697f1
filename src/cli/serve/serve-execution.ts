import { hostname, availableParallelism } from 'node:os';
import { messageOf } from '../../base/index.ts';
import { LocalExecutor } from '../../exec/index.ts';
import { ActionCache, ExecutionQueue, LocalActionExecutor, defaultActionSettings } from '../../reapi/index.ts';
import { type ReapiPlace, type ReapiServices, executionServices } from '../../server/index.ts';
import type { ServeLog } from './serve-log.ts';

export interface ServedExecution extends ReapiServices {
  /** Whether actions are executed; results are kept in any case. */
  readonly executes: boolean;
  readonly cache: ActionCache;
}

/** Results of actions and, where this machine can make sandboxes, their execution. */
export async function serveExecution(place: ReapiPlace, log: ServeLog): Promise<ServedExecution> {
  await using resources = new AsyncDisposableStack();
  const { store } = place.blobs;
  const cache = new ActionCache(store);
  const executor = resources.use(new LocalExecutor());
  const obstacle = await executor.sandboxObstacle();
  if (obstacle !== undefined) log.write('no-execution', { message: obstacle });
  const settings = defaultActionSettings(hostname(), availableParallelism());
  const queue =
    obstacle === undefined
      ? resources.use(
          new ExecutionQueue({
            cache,
            executor: new LocalActionExecutor(store, executor, settings),
            onFault: error =>
              log.write('error', {
                message: messageOf(error),
                stack: error instanceof Error ? error.stack : undefined,
              }),
          }),
        )
      : undefined;
  const routes = executionServices({ ...place, cache, queue });
  const owned = resources.move();
  return { routes, cache, executes: queue !== undefined, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}
