import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import {
  type NixCacheInfo,
  canonicalPath,
  decodePercent,
  formatNixCacheInfo,
  maxNixCacheInfoSize,
  parseNixCacheInfo,
  type StoreDir,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { takeTraits } from '../store-parameters.ts';
import { BinaryCacheStore } from './binary-cache-store.ts';
import type { TimesToLive } from './cache-memory.ts';
import { takeCacheParameters } from './cache-parameters.ts';
import type { CacheTransport } from './cache-transport.ts';
import { FileTransport } from './file-transport.ts';

const cacheInfoName = 'nix-cache-info';

/** `file:///path` */
export async function openFileCache({ scheme, authority, parameters, context }: StoreRequest): Promise<Store> {
  const { reporter, environment, settings } = context;
  const traits = takeTraits(parameters, environment.storeDir);
  const given = takeCacheParameters(parameters);
  parameters.warnUnknown(reporter);
  const uri = `${scheme}://${authority}`;
  const transport = new FileTransport(canonicalPath(displayBytes(decodePercent(authority)) || '/'));
  transport.makeFolders(...(given.indexesDebugInfo ? ['debuginfo'] : []));
  const info = await initialise(transport, traits.storeDir, uri);
  return new BinaryCacheStore({
    parameters: given,
    uri,
    storeDir: traits.storeDir,
    isTrusted: traits.isTrusted,
    priority: traits.priority ?? info.priority ?? 0,
    wantMassQuery: traits.wantMassQuery ?? info.wantMassQuery ?? false,
    transport,
    memory: undefined,
    timesToLive: readTimesToLive(settings),
    pathInfoCacheSize: 65536,
    reporter,
  });
}

function readTimesToLive(settings: StoreRequest['context']['settings']): TimesToLive {
  return {
    positive: settings.get('narinfo-cache-positive-ttl'),
    negative: settings.get('narinfo-cache-negative-ttl'),
    traits: settings.get('narinfo-cache-meta-ttl'),
  };
}

/** What the cache says of itself; a place that says nothing becomes one of `storeDir`. Throws `cache/other-store-dir`. */
async function initialise(transport: CacheTransport, storeDir: StoreDir, uri: string): Promise<NixCacheInfo> {
  const bytes = await transport.get(cacheInfoName, { limit: maxNixCacheInfoSize });
  if (bytes === undefined) {
    const content = { bytes: formatNixCacheInfo({ storeDir: brandAs<ByteString>(storeDir) }) };
    await transport.put(cacheInfoName, content, { mimeType: 'text/x-nix-cache-info' });
    return {};
  }
  const info = parseNixCacheInfo(bytes);
  if (info.storeDir === undefined || brandAs<StoreDir>(info.storeDir) === storeDir) return info;
  const message = `binary cache '${uri}' is for Nix stores with prefix '${displayBytes(info.storeDir)}', not '${storeDir}'`;
  throw new StoreError('cache/other-store-dir', message);
}
