import { availableParallelism } from 'node:os';
import { type DerivationBuilder, LocalDerivationBuilder, Mirrors, readBuildSettings } from '../engine/index.ts';
import { LocalExecutor } from '../exec/index.ts';
import { LocalStore, type Store } from '../store/index.ts';
import type { CommandContext } from './command.ts';
import { readMirrors } from './settings/firn-toml.ts';

/** Who builds for a command, as long as `resources` are there; undefined where its store is none that is built in. */
export function openBuilder(
  store: Store,
  context: CommandContext,
  resources: AsyncDisposableStack,
): DerivationBuilder | undefined {
  if (!(store instanceof LocalStore)) return undefined;
  const { settings, environment, log } = context;
  const { variables } = environment;
  const mirrors = openMirrors(context);
  const build = {
    store,
    executor: resources.use(new LocalExecutor()),
    settings: readBuildSettings(settings, { cores: availableParallelism() }),
    builtins: { settings, mirrors },
    variables,
    config: () =>
      settings
        .names()
        .map(name => `${name} = ${settings.format(name)}\n`)
        .join(''),
    showsLogs: log.showsBuildLogs,
  };
  return resources.use(new LocalDerivationBuilder(build, settings.get('max-jobs')));
}

/** Where mirrors are: as npm, apt and firn.toml of the one who runs the command say. */
export function openMirrors({ environment }: CommandContext): Mirrors {
  return new Mirrors({
    variables: environment.variables,
    home: environment.home,
    workingFolder: process.cwd(),
    configured: () => readMirrors(environment),
  });
}
