import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CallOptions } from '../../../castore/index.ts';
import { type StorePath, equalHashes } from '../../../nix-compat/index.ts';
import type { LocalStore } from '../local-store.ts';
import type { Overlay } from './overlay.ts';
import { UpperEntries } from './upper-entries.ts';

/**
 * Removes from the upper layer what the lower store has by now, with the same contents. The castore gives up its copies, too:
 * the next collection takes them.
 */
export async function deduplicate(store: LocalStore, overlay: Overlay, { signal }: CallOptions = {}): Promise<void> {
  store.requireWritable();
  using activity = store.reporter.startActivity({ type: 'optimiseStore' });
  using _collecting = await store.collector.exclude(signal);
  const { realStoreDir, reporter, blobs, paths } = store;
  const entries = await UpperEntries.open(
    overlay,
    { fileSystem: blobs.folder.fileSystem, realStoreDir, reporter },
    signal,
  );
  const all = paths.all();
  try {
    for (const [done, path] of all.entries()) {
      signal?.throwIfAborted();
      activity.progress(done, all.length);
      if (!entries.isRemovable(path) || !(await isBelow(store, overlay, path))) continue;
      paths.clearRoot(path);
      entries.remove(path);
      await entries.empty(signal);
    }
    activity.progress(all.length, all.length);
  } finally {
    await entries.finish();
  }
}

/** Whether the lower layer has the same. */
async function isBelow({ paths }: LocalStore, { lower, lowerStoreDir }: Overlay, path: StorePath): Promise<boolean> {
  const [ours, theirs] = [paths.find(path)?.info, await lower.pathInfo(path)];
  if (ours === undefined || theirs === undefined || !existsSync(join(lowerStoreDir, path))) return false;
  return equalHashes(ours.narHash, theirs.narHash);
}
