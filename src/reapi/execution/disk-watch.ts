import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../../base/index.ts';

/** Milliseconds between two looks, which get rarer where looking takes long. */
const interval = 500;

/**
 * Looks again and again, until `signal` is aborted, how much of the disk `folders` take: calls `exceeded` once they take more
 * than `limit` bytes. What grows between two looks is seen at the next.
 */
export async function watchDisk(
  folders: readonly string[],
  { limit, signal, exceeded }: { readonly limit: number; readonly signal: AbortSignal; readonly exceeded: () => void },
): Promise<void> {
  while (!signal.aborted) {
    const started = performance.now();
    let size = 0;
    for (const folder of folders) size += await sizeOf(folder, { limit: limit - size, signal });
    if (size > limit) return exceeded();
    await delay(Math.max(interval, 10 * (performance.now() - started)), undefined, { signal }).catch(() => {});
  }
}

/** In bytes; more than `limit` as soon as it is that. */
export async function sizeOf(
  path: string,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<number> {
  try {
    const stats = await lstat(path);
    // Blobs have other names, too: what an action has linked in takes nothing.
    let size = stats.isFile() && stats.nlink > 1 ? 0 : stats.blocks * 512;
    if (!stats.isDirectory()) return size;
    for await (const { name } of await opendir(path)) {
      if (size > limit || signal.aborted) break;
      size += await sizeOf(join(path, name), { limit: limit - size, signal });
    }
    return size;
  } catch (error) {
    // Removed meanwhile, or closed to us.
    if (errnoOf(error) === undefined) throw error;
    return 0;
  }
}
