import {
  type CallOptions,
  type Digest,
  type Node,
  decodeDirectory,
  importTree,
  lockAgainstCollection,
  repairBlob,
} from '../../../castore/index.ts';
import { type StorePath, equalHashes, printStorePath } from '../../../nix-compat/index.ts';
import { NarHasher } from '../../content-hasher.ts';
import { StoreError } from '../../error.ts';
import type { RepairOptions } from '../../store.ts';
import { Checkouts } from '../checkouts.ts';
import type { LocalStore } from '../local-store.ts';

/**
 * Gets the contents of a valid path anew. What of the castore is damaged goes first: what is fetched or built must not be
 * taken for what is there under the same digest. Where the castore lacks something and the checkout has the right NAR
 * hash, nothing is wrong that others would see, and the castore gets it from there under either policy. Throws
 * `path/invalid`, `path/irreparable`.
 */
export async function repairPath(store: LocalStore, path: StorePath, options: RepairOptions = {}): Promise<void> {
  const { policy = 'blobs-first', fetch, signal } = options;
  store.requireWritable();
  await store.inherit([path], { signal });
  const { root } = store.paths.require(path);
  await store.temporaryRoots.add([path], signal);
  // The one copy that there is, at its place.
  if (root === undefined && (await store.upkeep.isIntact(path, { signal }))) return;
  const isWhole = root !== undefined && (await repairBlobs(store, root, signal));
  if (root !== undefined && (isWhole ? policy === 'blobs-first' : await reimport(store, path, signal))) {
    using _lock = await store.pathLocks.lock(path, signal);
    using checkouts = new Checkouts(store, true);
    await checkouts.make({ path, root }, { files: store.blobs, signal });
    return checkouts.publish(new Set([path]));
  }
  let cause: unknown;
  try {
    if (fetch !== undefined) return await fetch(path, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    cause = error;
  }
  const printed = printStorePath(store.storeDir, path);
  const wayOut = isWhole ? `; Firn has its contents still: 'firn store repair ${printed}' takes them from there` : '';
  const message = `cannot repair path '${printed}'${wayOut}`;
  throw new StoreError('path/irreparable', message, { cause });
}

/** Removes what is wrong with the blobs of a tree; whether all of them are there then. */
export async function repairBlobs(store: LocalStore, root: Node, signal?: AbortSignal): Promise<boolean> {
  // Nobody is adding any of them: what is found present by an addition stays.
  using _lock = await lockAgainstCollection(store.blobs.folder, 'exclusive', signal);
  let isWhole = true;
  const seen = new Set<string>();
  const open: Node[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    signal?.throwIfAborted();
    if (node.kind === 'symlink' || seen.has(node.digest.hash)) continue;
    seen.add(node.digest.hash);
    const isSound = await repairBlob(store.blobs, node.digest);
    isWhole &&= isSound;
    if (isSound && node.kind === 'directory') {
      for (const entry of await directoryEntries(store, node.digest)) open.push(entry.node);
    }
  }
  return isWhole;
}

async function directoryEntries(store: LocalStore, digest: Digest) {
  const bytes = await store.blobs.get(digest);
  return bytes === undefined ? [] : decodeDirectory(bytes).entries;
}

/** Adds the checkout's contents to the castore again, if they are right; else nothing. */
async function reimport(store: LocalStore, path: StorePath, signal: CallOptions['signal']): Promise<boolean> {
  await using batch = store.blobs.batch();
  const nar = new NarHasher();
  try {
    await importTree(store.realPath(path), batch, { observers: [nar.sink], signal });
  } catch {
    signal?.throwIfAborted();
    return false;
  }
  if (!equalHashes(nar.finish(), store.paths.require(path).info.narHash)) return false;
  await batch.commit({ signal });
  return true;
}
