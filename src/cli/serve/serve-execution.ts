import { hostname, availableParallelism } from 'node:os';
import { messageOf } from '../../base/index.ts';
import { LocalExecutor } from '../../exec/index.ts';
import {
  type LiveLogs,
  ActionCache,
  ActionChannels,
  ExecutionQueue,
  LocalActionExecutor,
  defaultActionSettings,
} from '../../reapi/index.ts';
import { type ReapiPlace, type ReapiServices, executionServices } from '../../server/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { serveDaemons } from './serve-daemons.ts';
import { serveViews } from './serve-views.ts';
import type { ServeLog } from './serve-log.ts';
import type { ExecutionSettings, ServeSettings } from './serve-settings.ts';

export interface ServedExecution extends ReapiServices {
  /** Whether actions are executed; results are kept in any case. */
  readonly executes: boolean;
  readonly logs: LiveLogs | undefined;
  readonly cache: ActionCache;
}

export interface ServeExecutionOptions {
  readonly settings: Pick<ServeSettings, 'execution' | 'actionCache'>;
  readonly context: CommandContext;
  readonly log: ServeLog;
}

/**
 * More actions at a time than there are processors: the kernel takes 10 ms to make and remove a sandbox, most of which is
 * waiting (no-op actions a second, two processors: 60 with two at a time, 110 with four).
 */
const waitingActions = 2;

/** Results of actions and, where this machine can make sandboxes, their execution. */
export async function serveExecution(
  place: ReapiPlace,
  store: LocalStore,
  { settings, context, log }: ServeExecutionOptions,
): Promise<ServedExecution> {
  await using resources = new AsyncDisposableStack();
  const { blobs } = store;
  const { execution, actionCache } = settings;
  const cache = new ActionCache(blobs, actionCache);
  const executor = resources.use(new LocalExecutor());
  const onFault = (error: unknown) =>
    log.write('error', { message: messageOf(error), stack: error instanceof Error ? error.stack : undefined });
  const viewSettings = { allowsWhole: execution.wholeStore ?? false };
  const { views } = execution.enabled
    ? resources.use(serveViews(store, { settings: viewSettings, context, log }))
    : { views: undefined };
  const channels = new ActionChannels();
  const daemons = execution.nixDaemon === true ? serveDaemons(store, context) : undefined;
  const local = resources.use(
    new LocalActionExecutor(blobs, executor, { ...actionSettings(execution), views, daemons, channels, onFault }),
  );
  const obstacle = execution.enabled ? await local.obstacle() : undefined;
  if (obstacle !== undefined) log.write('no-execution', { message: obstacle });
  let queue: ExecutionQueue | undefined;
  if (execution.enabled && obstacle === undefined) {
    const { maxWaiting } = execution;
    const limits = maxWaiting === undefined ? {} : { maxWaiting };
    queue = resources.use(new ExecutionQueue({ cache, executor: local, onFault, ...limits }));
  }
  const routes = executionServices({ ...place, cache, queue, channels });
  const owned = resources.move();
  return {
    routes,
    cache,
    logs: queue?.logs,
    executes: queue !== undefined,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

function actionSettings({ slots = availableParallelism() + waitingActions, ...given }: ExecutionSettings) {
  const defaults = defaultActionSettings(hostname(), slots);
  const platform = Array.from(given.platform, ([name, values]) => [name, new Set(values)] as const);
  return {
    ...defaults,
    hostPaths: given.hostPaths ?? defaults.hostPaths,
    network: given.network ?? defaults.network,
    defaultTimeout: given.defaultTimeout ?? defaults.defaultTimeout,
    maxTimeout: given.maxTimeout ?? defaults.maxTimeout,
    maxOutput: given.maxOutput ?? defaults.maxOutput,
    offer: new Map([...defaults.offer, ...platform]),
  };
}
