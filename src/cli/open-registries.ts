import { Registries, type RegistriesOptions } from '../engine/index.ts';
import type { CommandContext } from './command.ts';

/** The registries of flakes, as the settings and the user have them. */
export function openRegistries(
  { environment, settings, log, signal }: CommandContext,
  given: Pick<RegistriesOptions, 'inputs'> = {},
): Registries {
  return new Registries({
    ...given,
    userFile: `${environment.userConfDir}/registry.json`,
    systemFile: `${environment.confDir}/registry.json`,
    global: settings.get('flake-registry'),
    cacheFolder: environment.cacheFolder,
    lifetime: settings.get('tarball-ttl'),
    download: { settings, reporter: log, signal },
  });
}
