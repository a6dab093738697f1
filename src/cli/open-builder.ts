import { basename } from 'node:path';
import {
  type DerivationBuilder,
  BuildHook,
  DispatchingBuilder,
  type Elsewhere,
  HookElsewhere,
  KnownMachines,
  LocalDerivationBuilder,
  Mirrors,
  openDerivationActions,
} from '../engine/index.ts';
import { LocalExecutor } from '../exec/index.ts';
import { LocalStore, type Store } from '../store/index.ts';
import type { CommandContext } from './command.ts';
import type { OpenLocalBuilder } from './machines/connect-to-machine.ts';
import { openMachines, readMachineSettings } from './machines/open-machines.ts';
import { readMachines } from './machines/read-machines.ts';
import { nestedServer } from './nested-server.ts';
import { readStoreBuildSettings } from './settings/read-store-build-settings.ts';
import { readMirrors } from './settings/firn-toml.ts';

/** Who builds for a command, as long as `resources` are there: this machine, where its store is, and others. */
export function openBuilder(store: Store, context: CommandContext, resources: AsyncDisposableStack): DerivationBuilder {
  const { environment, log } = context;
  const settings = readStoreBuildSettings(store, context);
  return resources.use(
    new DispatchingBuilder({
      store,
      local: store instanceof LocalStore ? openLocalBuilder(store, context, resources) : undefined,
      openElsewhere: () => openElsewhere(store, context),
      othersLook: foreignHook(context) !== undefined,
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

/** What C++ Nix sets `build-hook` to: the program that we are ourselves. */
const ownHook = '__build-remote';

/** What is to find other machines in our place. */
function foreignHook({ settings }: CommandContext): readonly [string, ...string[]] | undefined {
  const [program, ...args] = settings.get('build-hook');
  if (program === undefined || (basename(program) === 'nix' && args[0] === ownHook)) return undefined;
  return [program, ...args];
}

/** Who finds other machines: we do, among those of the settings, unless another program is to; without a hook nobody. */
function openElsewhere(store: Store, context: CommandContext): Elsewhere {
  const { settings, environment, log } = context;
  const command = foreignHook(context);
  if (command === undefined) {
    const openHere: OpenLocalBuilder = (of, owned) => openLocalBuilder(of, context, owned, { slots: 1 });
    const machines = settings.get('build-hook').length === 0 ? [] : readMachines(context);
    return new KnownMachines(store, openMachines(store, context, { machines, openHere }));
  }
  return new HookElsewhere({
    storeDir: store.storeDir,
    pollInterval: settings.get('build-poll-interval') * 1000,
    start: () =>
      BuildHook.start({
        command,
        variables: environment.variables,
        verbosity: log.verbosity,
        settings: settings.names().map(name => [name, settings.format(name)] as const),
        storeDir: store.storeDir,
      }),
  });
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
    settings: readStoreBuildSettings(store, context),
    builtins: { settings, mirrors },
    variables,
    config: () => formatConfig(context),
    showsLogs: log.showsBuildLogs,
  };
  return resources.use(new LocalDerivationBuilder(build, slots));
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
