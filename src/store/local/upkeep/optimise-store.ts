import { chmodSync, linkSync, lstatSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Activity, errnoOf } from '../../../base/index.ts';
import { type CallOptions, type FileNode, type FsPath, displayFsPath, walkNodes } from '../../../castore/index.ts';
import { type StorePath, printStorePath, storePathHashPart } from '../../../nix-compat/index.ts';
import type { Optimised } from '../../store.ts';
import type { LocalStore } from '../local-store.ts';

/**
 * Makes the files of all checkouts links of the castore's, as larger ones are but where a link could not be made at the time
 * or somebody has replaced it. Files that somebody can write to are left alone.
 */
export async function optimiseStore(store: LocalStore, { signal }: CallOptions = {}): Promise<Optimised> {
  store.requireWritable();
  using activity = store.reporter.startActivity({ type: 'optimiseStore' });
  const paths = store.paths.all();
  let [filesLinked, bytesFreed] = [0, 0];
  for (const [done, path] of paths.entries()) {
    signal?.throwIfAborted();
    activity.progress(done, paths.length);
    await store.temporaryRoots.add([path], signal);
    const text = () => `optimising path '${printStorePath(store.storeDir, path)}'`;
    using one = activity.startActivity({ type: 'unknown', level: 'talkative', text });
    for (const size of await optimisePath(store, path, one, signal)) {
      filesLinked++;
      bytesFreed += size;
    }
  }
  activity.progress(paths.length, paths.length);
  return { filesLinked, bytesFreed };
}

/** Returns the sizes of the files that were made links. */
async function optimisePath(
  store: LocalStore,
  path: StorePath,
  activity: Activity,
  signal: CallOptions['signal'],
): Promise<number[]> {
  const root = store.paths.find(path)?.root;
  if (root === undefined) return [];
  const copies: { readonly at: FsPath; readonly node: FileNode }[] = [];
  for await (const visit of walkNodes(store.blobs, root, store.realPath(path), { signal })) {
    if (visit.step === 'node' && visit.node.kind === 'file' && isCopy(store, visit.path, visit.node))
      copies.push({ at: visit.path, node: visit.node });
  }
  if (copies.length === 0) return [];
  await store.blobs.prepareFiles(
    copies.map(({ node }) => node),
    signal,
  );
  const sizes: number[] = [];
  for (const { at, node } of copies) {
    const { blocks = 0 } = lstatSync(at, { throwIfNoEntry: false }) ?? {};
    // A collection takes it for a part of the path, which is a temporary root.
    const draft = join(store.realStoreDir, `${storePathHashPart(path)}-link-${process.pid}`);
    if (!linkTo(store, { blob: store.blobs.pathOf(node), at, draft })) continue;
    sizes.push(node.digest.size);
    activity.result({ type: 'fileLinked', bytes: node.digest.size, blocks });
  }
  return sizes;
}

/** Whether a file of a checkout could become a link. What is something else by now is left to verification. */
function isCopy(store: LocalStore, at: FsPath, node: FileNode): boolean {
  const stats = lstatSync(at, { throwIfNoEntry: false });
  // A link of nothing frees nothing.
  if (stats?.isFile() !== true || stats.size !== node.digest.size || stats.size === 0) return false;
  if ((stats.mode & 0o200) !== 0) {
    store.reporter.warn(`skipping suspicious writable file '${displayFsPath(at)}'`);
    return false;
  }
  const blob = lstatSync(store.blobs.pathOf(node), { throwIfNoEntry: false });
  return blob?.ino !== stats.ino;
}

/** Replaces the file at `at` by a link, made at `draft` first; false where the file system does not take one. */
function linkTo(
  store: LocalStore,
  { blob, at, draft }: { readonly blob: string; readonly at: FsPath; readonly draft: string },
): boolean {
  rmSync(draft, { force: true });
  try {
    linkSync(blob, draft);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EMLINK') store.reporter.log('info', `'${blob}' has maximum number of links`);
    if (code === 'EMLINK' || code === 'EPERM' || code === 'EXDEV') return false;
    throw error;
  }
  const folder = typeof at === 'string' ? dirname(at) : at.subarray(0, at.lastIndexOf('/'));
  const isInTree = folder.toString() !== store.realStoreDir;
  try {
    if (isInTree) chmodSync(folder, 0o755);
    try {
      renameSync(draft, at);
    } finally {
      if (isInTree) seal(folder);
    }
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  return true;
}

function seal(folder: FsPath): void {
  chmodSync(folder, 0o555);
  utimesSync(folder, 1, 1);
}
