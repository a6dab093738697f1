import { availableParallelism } from 'node:os';
import { type BuildSettings, readBuildSettings } from '../../engine/index.ts';
import { LocalStore, type Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';

/** What a store's own URI says of its features goes before what the settings say. */
export function readStoreBuildSettings(store: Store, { settings }: CommandContext): BuildSettings {
  const read = readBuildSettings(settings, { cores: availableParallelism() });
  const chosen = store instanceof LocalStore ? store.systemFeatures : undefined;
  return chosen === undefined ? read : { ...read, systemFeatures: chosen };
}
