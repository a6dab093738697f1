import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import { FuseError, removeStaleMount } from '../../fuse/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import { CheckedOutViews, MountedViews, type StoreViews, type ViewSettings } from '../../reapi/index.ts';
import { LazyPaths, type LocalStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { MountedPaths } from '../mount/mounted-paths.ts';
import { openSubstituters } from '../open-substituters.ts';
import type { ServeLog } from './serve-log.ts';

export interface ServeViewsOptions {
  readonly settings: ViewSettings;
  readonly context: CommandContext;
  readonly log: ServeLog;
}

/** What shows store paths to actions, until it is disposed of. */
export interface ServedViews extends AsyncDisposable {
  readonly views: StoreViews;
}

/**
 * By a file system of ours where this machine lets us mount one, else as they are on disk: then they are fetched whole. Nothing
 * is mounted before an action names something; what killed processes have left mounted goes at once.
 */
export function serveViews(store: LocalStore, options: ServeViewsOptions): ServedViews {
  const resources = new AsyncDisposableStack();
  removeStaleMountPoints(store);
  let opening: Promise<StoreViews> | undefined;
  const opened = () => {
    opening ??= openViews(store, options, resources);
    // What fails once may succeed for the next action.
    opening.catch(() => (opening = undefined));
    return opening;
  };
  const views: StoreViews = {
    storeDir: displayBytes(byteStringFromLatin1(store.storeDir)),
    open: async request => (await opened()).open(request),
  };
  return { views, [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose]() };
}

async function openViews(
  store: LocalStore,
  { settings, context, log }: ServeViewsOptions,
  resources: AsyncDisposableStack,
): Promise<StoreViews> {
  const open = resources.use(openSubstituters(store, context));
  const substituters = () => open.fresh();
  const mountPoint = makeMountPoint(store);
  resources.defer(() => removeMountPoint(mountPoint));
  try {
    const lazyPaths = resources.use(new LazyPaths(store, { substituters, reporter: context.log }));
    const report = { log: (_level: string, message: string) => log.write('view', { message }) };
    const source = new MountedPaths({
      store,
      lazyPaths,
      only: undefined,
      upstreamFailures: () => open.failures,
      log: report,
    });
    return resources.use(await MountedViews.open({ store, substituters, settings, lazyPaths, source, mountPoint }));
  } catch (error) {
    if (!(error instanceof FuseError)) throw error;
    log.write('no-mount', { message: `${error.message}: what actions name of the store is fetched whole` });
    return new CheckedOutViews(store, substituters, settings);
  }
}

/** Below it are mount points, each named by the process whose it is. */
function mountPoints({ dataFolder }: LocalStore): string {
  return join(dataFolder, 'views');
}

function makeMountPoint(store: LocalStore): string {
  makeFolder(realFileSystem, mountPoints(store), 0o711);
  const own = join(mountPoints(store), String(process.pid));
  mkdirSync(own, { mode: 0o711, recursive: true });
  return own;
}

/** Removes those of processes that were killed. */
function removeStaleMountPoints(store: LocalStore): void {
  const parent = mountPoints(store);
  if (!existsSync(parent)) return;
  for (const pid of readdirSync(parent)) {
    if (existsSync(`/proc/${pid}`) && pid !== String(process.pid)) continue;
    removeStaleMount(join(parent, pid));
    removeMountPoint(join(parent, pid));
  }
}

function removeMountPoint(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // In use, or another process was faster.
  }
}
