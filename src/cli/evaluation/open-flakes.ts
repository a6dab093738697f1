import { Flakes, type FlakesOptions } from '../../engine/index.ts';
import type { CommandContext } from '../command.ts';

/** The flakes that an evaluation meets, as the settings say. */
export function openFlakes(context: CommandContext, sources: Omit<FlakesOptions, 'settings' | 'signal'>): Flakes {
  const { settings, signal } = context;
  return new Flakes({
    ...sources,
    settings: {
      usesRegistries: settings.get('use-registries'),
      allowsDirty: settings.get('allow-dirty'),
      allowsDirtyLocks: settings.get('allow-dirty-locks'),
      warnsOfDirty: settings.get('warn-dirty'),
      commitSummary: settings.get('commit-lock-file-summary'),
    },
    signal,
  });
}
