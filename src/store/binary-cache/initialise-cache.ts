import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { type StoreDir, formatNixCacheInfo, maxNixCacheInfoSize, parseNixCacheInfo } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { CacheMemory, CacheTraits } from './cache-memory.ts';
import type { CacheTransport } from './cache-transport.ts';

const cacheInfoName = 'nix-cache-info';

export interface InitialiseOptions {
  /** What messages call the cache. */
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly transport: CacheTransport;
  readonly memory: CacheMemory | undefined;
}

/**
 * What the cache says of itself, with defaults where it says nothing. A place that has no cache becomes one. Throws
 * `cache/other-store-dir`, `cache/not-a-cache` where nothing can be put there, and what the transport throws.
 */
export async function initialiseCache(options: InitialiseOptions): Promise<CacheTraits> {
  const { storeDir, transport, memory, uri } = options;
  const known = memory?.traits();
  if (known !== undefined) return known;
  const bytes = await transport.get(cacheInfoName, { limit: maxNixCacheInfoSize, refusalIsError: true });
  if (bytes === undefined) await found(options);
  const info = bytes === undefined ? {} : parseNixCacheInfo(bytes);
  if (info.storeDir !== undefined && brandAs<StoreDir>(info.storeDir) !== storeDir) {
    const message = `binary cache '${uri}' is for Nix stores with prefix '${displayBytes(info.storeDir)}', not '${storeDir}'`;
    throw new StoreError('cache/other-store-dir', message);
  }
  const traits = { priority: info.priority ?? 0, wantMassQuery: info.wantMassQuery ?? false };
  memory?.rememberTraits(traits);
  return traits;
}

async function found({ storeDir, transport, uri }: InitialiseOptions): Promise<void> {
  const bytes = formatNixCacheInfo({ storeDir: brandAs<ByteString>(storeDir) });
  try {
    await transport.put(cacheInfoName, { bytes }, { mimeType: 'text/x-nix-cache-info' });
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'cache/transfer-failed') throw error;
    const message = `'${uri}' does not appear to be a binary cache`;
    throw new StoreError('cache/not-a-cache', message, { cause: error });
  }
}
