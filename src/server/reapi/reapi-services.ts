import type { Route } from '../../grpc/index.ts';
import { actionCacheRoutes } from './action-cache-service.ts';
import { actionChannelsRoutes } from './action-channels-service.ts';
import { ByteStreamService } from './byte-stream-service.ts';
import { type ServedFeatures, capabilitiesRoutes } from './capabilities-service.ts';
import { contentAddressableStorageRoutes } from './content-addressable-storage-service.ts';
import type { ExecutionPlace } from './execution-place.ts';
import { executionRoutes } from './execution-service.ts';
import { operationsRoutes } from './operations-service.ts';
import type { ReapiPlace } from './reapi-place.ts';

/** Services that belong together, with what they keep between calls: disposed of when no call is running any more. */
export interface ReapiServices extends AsyncDisposable {
  readonly routes: readonly Route[];
}

/** Blobs, and what of REAPI is served. Action cache, execution and assets are services of their own. */
export function blobServices(place: ReapiPlace, features: ServedFeatures): ReapiServices {
  const byteStream = new ByteStreamService(place);
  return {
    routes: [...capabilitiesRoutes(place, features), ...contentAddressableStorageRoutes(place), ...byteStream.routes],
    [Symbol.asyncDispose]: () => byteStream[Symbol.asyncDispose](),
  };
}

/** Results of actions, and executions where there is a queue; that is its owner's. */
export function executionServices(place: ExecutionPlace): readonly Route[] {
  const executed =
    place.queue === undefined
      ? []
      : [...executionRoutes(place), ...operationsRoutes(place), ...actionChannelsRoutes(place)];
  return [...actionCacheRoutes(place), ...executed];
}
