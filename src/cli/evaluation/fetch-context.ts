import type { FetchContext } from '../../engine/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';

/** What fetching depends on, as the settings say; warnings are shown unless `warn` takes them. */
export function fetchContext(
  { environment, settings, log, signal }: CommandContext,
  downloads: () => string,
  warn = (message: string) => log.warn(message),
): FetchContext {
  return {
    cacheFolder: environment.cacheFolder,
    signal,
    download: { settings, reporter: log, signal },
    downloads,
    lifetime: settings.get('tarball-ttl'),
    warn,
    requireFeature: feature => settings.require(feature),
    onDirty: folder => {
      const message = `Git tree '${folder}' is dirty`;
      if (!settings.get('allow-dirty')) throw new CliError('fetch/dirty', message);
      if (settings.get('warn-dirty')) warn(message);
    },
  };
}
