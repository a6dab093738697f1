import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { magenta, normal } from '../../base/index.ts';
import { outputPath } from '../../nix-compat/index.ts';
import { type LocalStore, tryLockPath } from '../../store/index.ts';
import type { RunningBuild } from '../nested/running-build.ts';
import type { BuildJob, BuildOptions, BuildSlot } from './derivation-builder.ts';

/** In milliseconds, between two looks at locks that somebody else holds. */
const pollInterval = 200;

/**
 * Locks the outputs of a derivation against everybody else who would build or add them: all or none at a
 * time, so that two who want several never wait for each other. An output whose path is not known yet is locked by the
 * derivation's. Whoever waits lets others build. Throws `BuildError` where whoever it waits for waits for it.
 */
export async function lockOutputs(
  store: LocalStore,
  job: BuildJob,
  options: Pick<BuildOptions, 'signal' | 'reporter'> & { readonly slot: BuildSlot; readonly build: RunningBuild },
): Promise<Disposable> {
  const { reporter, signal, slot, build } = options;
  const paths = lockedPaths(store, job);
  const lock = tryLockPaths(store, paths, build);
  if (lock !== undefined) return lock;
  const names = paths.map(path => `'${path}'`).join(', ');
  using _waiting = reporter.startActivity({
    type: 'buildWaiting',
    level: 'warn',
    text: `waiting for lock on ${magenta}${names}${normal}`,
  });
  for (;;) {
    build.waitFor(paths.map(path => holders.get(path)).find(holder => holder !== undefined));
    await slot.yieldWhile(() => delay(pollInterval, undefined, { signal }));
    const late = tryLockPaths(store, paths, build);
    build.waitFor(undefined);
    if (late !== undefined) return late;
  }
}

/** Builds of this process, by what they have locked: the locks themselves do not tell who. */
const holders = new Map<string, RunningBuild>();

function lockedPaths(store: LocalStore, { path, derivation }: BuildJob): string[] {
  const of = { name: derivation.name, storeDir: store.storeDir };
  const paths = Array.from(derivation.outputs, ([name, output]) => {
    const known = outputPath(output, name, of);
    return known === undefined ? join(store.realStoreDir, `${path}.${name}`) : store.realPath(known);
  });
  return [...new Set(paths)].toSorted();
}

function tryLockPaths(store: LocalStore, paths: readonly string[], build: RunningBuild): Disposable | undefined {
  using locks = new DisposableStack();
  const own = locks.use(store.pathLocks.open());
  for (const path of paths) {
    if (!own.tryLock(basename(path))) return undefined;
    // Builders look whether there is a file that locks their output, as C++ Nix has it.
    const file = tryLockPath(path);
    if (file === undefined) return undefined;
    locks.use(file);
    holders.set(path, build);
    locks.defer(() => void holders.delete(path));
  }
  return locks.move();
}
