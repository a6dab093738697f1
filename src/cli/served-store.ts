import { Realiser, type RealiserOptions, planRealisation } from '../engine/index.ts';
import type { BuildRequest, ServedStore, SubstitutablePath } from '../server/index.ts';
import { RemoteStore, type Store, WorkerStore, downloadSizeOf, realisePaths } from '../store/index.ts';
import type { StorePath } from '../nix-compat/index.ts';
import type { CommandContext } from './command.ts';
import { readRealiseSettings } from './installables/read-realise-settings.ts';
import { RemoteRealiser } from './installables/remote-realiser.ts';
import { readMachineSettings } from './machines/open-machines.ts';
import { openBuilder } from './open-builder.ts';
import { openSubstituters } from './open-substituters.ts';
import { nixVersion } from './version.ts';

/**
 * What a command serves its store with. Builders and substituters are opened for each request that needs them: settings may
 * have changed since the last.
 */
export function serveWith(store: Store, context: CommandContext): ServedStore {
  const { settings } = context;
  // Whoever keeps the store does all that, where it is not us.
  const remote = store instanceof WorkerStore ? new RemoteRealiser(store, store, context) : undefined;
  const withRealiser = async <T>(
    { reporter }: Pick<BuildRequest, 'reporter'>,
    use: (realiser: Realiser) => Promise<T>,
  ): Promise<T> => {
    await using stack = new AsyncDisposableStack();
    const { substituters } = stack.use(openSubstituters(store, context));
    const builder = openBuilder(store, context, stack);
    const options: RealiserOptions = {
      store,
      substituters,
      builder,
      reporter,
      settings: readRealiseSettings(settings),
    };
    return await use(new Realiser(options));
  };
  return {
    store,
    version: nixVersion,
    assign: (name, value) => settings.assign(name, value),
    trustedSubstituters: () => new Set([...settings.get('substituters'), ...settings.get('trusted-substituters')]),
    realise: (wanted, request) =>
      remote?.realise(wanted, request) ?? withRealiser(request, realiser => realiser.realise(wanted, request)),
    build: (path, derivation, request) => {
      if (store instanceof RemoteStore) {
        const build = { path, derivation, mode: request.mode, limits: readMachineSettings(context).limits };
        return store.build(build, request.reporter, request);
      }
      return withRealiser(request, realiser =>
        realiser.realiseDerivation({ path, derivation: { ...derivation, inputDerivations: new Map() } }, request),
      );
    },
    substitute: async (paths, { signal, reporter }) => {
      await using open = openSubstituters(store, context);
      const valid = await store.validPaths(paths, { signal });
      const missing = [...paths].filter(path => !valid.has(path));
      if (missing.length === 0) return;
      try {
        await realisePaths(store, open.substituters, missing, { reporter, signal });
      } catch (error) {
        signal.throwIfAborted();
        reporter.logError(error);
      }
    },
    plan: async (wanted, { signal }) => {
      if (remote !== undefined) return remote.plan(wanted, { seeksUnplanned: false });
      await using open = openSubstituters(store, context);
      const alwaysAllowSubstitutes = settings.get('always-allow-substitutes');
      return await planRealisation({ store, substituters: open.substituters }, wanted, {
        alwaysAllowSubstitutes,
        signal,
      });
    },
    findSubstitutes: async (paths, { signal }) => {
      await using open = openSubstituters(store, context);
      const found = new Map<StorePath, SubstitutablePath>();
      for (const path of paths) {
        const substitute = await open.substituters.find(path, { signal });
        if (substitute === undefined) continue;
        found.set(path, { info: substitute.info, downloadSize: downloadSizeOf(substitute.info) });
      }
      return found;
    },
  };
}
