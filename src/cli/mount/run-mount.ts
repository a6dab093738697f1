import { mkdirSync, rmdirSync } from 'node:fs';
import { type ByteString, errnoOf, whenAborted } from '../../base/index.ts';
import { FuseMount } from '../../fuse/index.ts';
import { LazyPaths, LocalStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { openStoreHere } from '../open-store.ts';
import { openSubstituters } from '../open-substituters.ts';
import { closureAnywhere } from './closure-anywhere.ts';
import { MountedPaths } from './mounted-paths.ts';

export interface MountRequest {
  /** Absolute. */
  readonly mountPoint: string;
  /** Store paths whose closures are all that is shown; everything if there are none. */
  readonly closure: readonly ByteString[];
  /** Whether paths are shown that substituters have. */
  readonly upstream: boolean;
  /** Whether it is told in JSON that the mount is there. */
  readonly json: boolean;
}

/** Shows the store's paths below a folder until the command is interrupted, or somebody unmounts it. */
export async function runMount(request: MountRequest, context: CommandContext): Promise<void> {
  const { mountPoint, upstream } = request;
  const { log, out, signal } = context;
  await using resources = new AsyncDisposableStack();
  const store = resources.use(await openStoreHere(context));
  if (!(store instanceof LocalStore)) {
    throw new CliError(
      'store/not-local',
      `the store '${store.uri}' is not kept by this process: only local ones are mounted`,
    );
  }
  if (`${store.dataFolder}/`.startsWith(`${mountPoint}/`)) {
    const message = `cannot mount at '${mountPoint}': it would hide the data folder '${store.dataFolder}'`;
    throw new CliError('mount/in-the-way', message);
  }
  const opened = upstream ? resources.use(openSubstituters(store, context)) : undefined;
  const substituters = opened === undefined ? undefined : () => opened.fresh();
  const only =
    request.closure.length === 0
      ? undefined
      : await closureAnywhere(
          store,
          substituters?.(),
          request.closure.map(typed => followLinksToStorePath(store, typed)),
          { signal },
        );
  await resources.use(store.openTemporaryRoots()).add(store.paths.validOf(only ?? []), signal);
  const paths = new MountedPaths({
    store,
    lazyPaths: resources.use(new LazyPaths(store, { substituters, reporter: log })),
    only,
    upstreamFailures: () => opened?.failures ?? [],
    log,
  });
  if (makeMountPoint(mountPoint)) resources.defer(() => removeMountPoint(mountPoint));
  const root = paths.contents();
  const mount = resources.use(
    await FuseMount.mount({
      patience: patienceOf(context),
      mountPoint,
      dataFolder: store.dataFolder,
      root,
      source: paths,
    }),
  );
  const status = { mounted: mount.mountPoint, storeDir: store.storeDir, pid: process.pid };
  if (request.json) out.line(JSON.stringify(status));
  else out.line(`mounted ${mount.mountPoint}`);
  out.flush();
  await Promise.race([whenAborted(signal), mount.ended]);
}

/** In seconds: whoever reads waits no longer for a source that says nothing, whatever downloads may do otherwise. */
const maxPatience = 60;

/** In milliseconds. */
function patienceOf({ settings }: CommandContext): number {
  const stalled = Number(settings.get('stalled-download-timeout'));
  return 1000 * (stalled === 0 ? maxPatience : Math.min(stalled, maxPatience));
}

/** Whether it had to be made. */
function makeMountPoint(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    // What is wrong with it otherwise is said when it is mounted on; a dead mount is there as well.
    if (['EEXIST', 'ENOENT', 'EACCES', 'ENOTCONN', 'EPERM', 'EROFS'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

function removeMountPoint(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody still uses it, or has put something there.
  }
}
