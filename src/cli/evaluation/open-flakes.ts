import { Flakes, type FlakesOptions } from '../../engine/index.ts';
import type { CommandContext } from '../command.ts';
import { applyFlakeConfig } from './apply-flake-config.ts';

/** The flakes that an evaluation meets, as the settings say. */
export function openFlakes(
  context: CommandContext,
  sources: Pick<FlakesOptions, 'evaluator' | 'registries' | 'fetchTree' | 'ensureInStore' | 'settle'>,
): Flakes {
  const { settings, log, signal } = context;
  return new Flakes({
    ...sources,
    settings: {
      usesRegistries: settings.get('use-registries'),
      allowsDirty: settings.get('allow-dirty'),
      allowsDirtyLocks: settings.get('allow-dirty-locks'),
      warnsOfDirty: settings.get('warn-dirty'),
      commitSummary: settings.get('commit-lock-file-summary'),
    },
    applyConfig: config => applyFlakeConfig(context, config),
    reporter: log,
    signal,
  });
}
