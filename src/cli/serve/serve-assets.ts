import { join } from 'node:path';
import { type ReapiPlace, type ReapiServices, assetServices } from '../../server/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openMirrors } from '../open-builder.ts';
import type { ServeSettings } from './serve-settings.ts';

/** Milliseconds that fetching an asset may take, whatever the client says. */
const maxTimeout = 30 * 60_000;

/** Remote assets, fetched as this machine is configured to. */
export function serveAssets(
  place: ReapiPlace,
  store: LocalStore,
  { settings, context }: { readonly settings: ServeSettings; readonly context: CommandContext },
): ReapiServices {
  return assetServices(place, {
    store,
    settings: context.settings,
    mirrors: openMirrors(context),
    cacheFolder: join(store.dataFolder, 'cache'),
    reporter: context.log,
    maxSize: Math.min(settings.maxBlobSize, settings.maxAssetSize),
    allowsNearby: settings.assetsFromNearby,
    lifetime: context.settings.get('tarball-ttl') * 1000,
    maxTimeout,
  });
}
