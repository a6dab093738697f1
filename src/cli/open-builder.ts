import { availableParallelism } from 'node:os';
import {
  type BuildSettings,
  type DerivationBuilder,
  DispatchingBuilder,
  LocalDerivationBuilder,
  Mirrors,
  openDerivationActions,
  readBuildSettings,
} from '../engine/index.ts';
import { LocalExecutor } from '../exec/index.ts';
import { LocalStore, type Store } from '../store/index.ts';
import type { CommandContext } from './command.ts';
import { openMachines, readMachineSettings } from './machines/open-machines.ts';
import { nestedServer } from './nested-server.ts';
import { readMirrors } from './settings/firn-toml.ts';

/** Who builds for a command, as long as `resources` are there: this machine, where its store is, and others. */
export function openBuilder(store: Store, context: CommandContext, resources: AsyncDisposableStack): DerivationBuilder {
  const { environment, log } = context;
  const settings = readSettings(store, context);
  return resources.use(
    new DispatchingBuilder({
      store,
      local: store instanceof LocalStore ? openLocalBuilder(store, context, resources) : undefined,
      openMachines: () =>
        openMachines(store, context, (of, owned) => openLocalBuilder(of, context, owned, { slots: 1 })),
      settings: readMachineSettings(context),
      logLines: settings.logLines,
      keepsLog: settings.keepsLog,
      compressesLog: settings.compressesLog,
      showsLogs: log.showsBuildLogs,
      recordsRealisations: settings.recordsRealisations,
      hasNixCommand: settings.hasNixCommand,
      postBuildHook: settings.postBuildHook,
      variables: environment.variables,
      config: () => formatConfig(context),
    }),
  );
}

/** Who builds in a store of this machine. `slots` at a time; as many as the settings say unless given. */
export function openLocalBuilder(
  store: LocalStore,
  context: CommandContext,
  resources: AsyncDisposableStack,
  { slots = context.settings.get('max-jobs') }: { readonly slots?: number } = {},
): DerivationBuilder {
  const { settings, environment, log } = context;
  const { variables } = environment;
  const mirrors = openMirrors(context);
  const executor = resources.use(new LocalExecutor());
  const asActions = variables['FIRN_BUILD_ACTIONS'] === '1';
  const build = {
    store,
    executor,
    nestedServer,
    actions: asActions ? resources.use(openDerivationActions(store, executor)) : undefined,
    settings: readSettings(store, context),
    builtins: { settings, mirrors },
    variables,
    config: () => formatConfig(context),
    showsLogs: log.showsBuildLogs,
  };
  return resources.use(new LocalDerivationBuilder(build, slots));
}

/** What a store's own URI says of its features goes before what the settings say. */
function readSettings(store: Store, { settings }: CommandContext): BuildSettings {
  const read = readBuildSettings(settings, { cores: availableParallelism() });
  const chosen = store instanceof LocalStore ? store.systemFeatures : undefined;
  return chosen === undefined ? read : { ...read, systemFeatures: chosen };
}

function formatConfig({ settings }: CommandContext): string {
  return settings
    .names()
    .map(name => `${name} = ${settings.format(name)}\n`)
    .join('');
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
