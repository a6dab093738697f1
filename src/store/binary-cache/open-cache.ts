import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { type StoreTraits, takeTraits } from '../store-parameters.ts';
import { BinaryCacheStore } from './binary-cache-store.ts';
import type { CacheMemory, TimesToLive } from './cache-memory.ts';
import { type CacheParameters, takeCacheParameters } from './cache-parameters.ts';
import type { CacheTransport } from './cache-transport.ts';
import { initialiseCache } from './initialise-cache.ts';
import { NarInfoCache } from './nar-info-cache.ts';

export interface TakenParameters {
  readonly traits: StoreTraits;
  readonly parameters: CacheParameters;
}

/** Of the parameters, what all binary caches know. */
export function takeParameters({ parameters, context }: StoreRequest): TakenParameters {
  return {
    traits: takeTraits(parameters, context.environment.storeDir),
    parameters: takeCacheParameters(parameters),
  };
}

export interface Opening extends TakenParameters {
  readonly uri: string;
  readonly transport: CacheTransport;
  readonly memory: CacheMemory | undefined;
}

/** Opens the cache behind a transport, which is disposed of with it. Throws as `initialiseCache`. */
export async function openCache({ context }: StoreRequest, opening: Opening): Promise<Store> {
  const { traits, uri, transport, memory, parameters } = opening;
  const { storeDir } = traits;
  const told = await initialiseCache({ uri, storeDir, transport, memory });
  return new BinaryCacheStore({
    uri,
    storeDir,
    isTrusted: traits.isTrusted,
    priority: traits.priority ?? told.priority,
    wantMassQuery: traits.wantMassQuery ?? told.wantMassQuery,
    transport,
    memory,
    parameters,
    timesToLive: readTimesToLive(context.settings),
    pathInfoCacheSize: traits.pathInfoCacheSize,
    reporter: context.reporter,
  });
}

/** What is remembered of the cache at `uri` between processes. */
export function rememberedCache({ context }: StoreRequest, traits: StoreTraits, uri: string): CacheMemory {
  const { environment, reporter, settings } = context;
  const timesToLive = readTimesToLive(settings);
  return new NarInfoCache(environment.cacheFolder, { uri, storeDir: traits.storeDir, reporter, timesToLive });
}

function readTimesToLive(settings: StoreRequest['context']['settings']): TimesToLive {
  return {
    positive: settings.get('narinfo-cache-positive-ttl'),
    negative: settings.get('narinfo-cache-negative-ttl'),
    traits: settings.get('narinfo-cache-meta-ttl'),
  };
}
