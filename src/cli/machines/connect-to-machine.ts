import {
  type ConnectToMachine,
  type DerivationBuilder,
  type StoreConnection,
  Realiser,
  runsActions,
} from '../../engine/index.ts';
import { type BuildResult, type DerivingPath, allOutputs, connectionTo, opaquePath } from '../../nix-compat/index.ts';
import { LocalStore, RemoteStore, type Store, WorkerStore, openStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { readRealiseSettings } from '../installables/read-realise-settings.ts';
import { openStoreContext } from '../open-store.ts';
import { connectToServer } from './connect-to-server.ts';

/** Opens who builds in a store of this machine, as long as the resources are there. */
export type OpenLocalBuilder = (store: LocalStore, resources: AsyncDisposableStack) => DerivationBuilder;

type Building = Pick<StoreConnection, 'build' | 'realise' | 'isReusable'>;

export interface ConnectToMachineOptions {
  /** For which machines build. */
  readonly ours: Store;
  readonly openHere: OpenLocalBuilder;
}

/** Opens the stores of machines; in those that are on this one's disk this process builds itself. */
export function connectToMachine(
  context: CommandContext,
  { ours, openHere }: ConnectToMachineOptions,
): ConnectToMachine {
  return async (machine, { signal, reporter, errors }) => {
    if (runsActions(machine)) return connectToServer(context, ours, { machine, reporter, errors });
    await using resources = new AsyncDisposableStack();
    const opened = { ...openStoreContext(context), reporter, programErrors: errors };
    const store = resources.use(await openStore(connectionTo(machine), opened));
    const trustsUs = (await store.keeper?.({ signal }))?.trustsUs ?? true;
    const building = store instanceof LocalStore ? buildHere(store, context, openHere) : buildThere(store);
    const owned = resources.move();
    return { kind: 'store', store, trustsUs, ...building, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  };
}

/** Throws `store/not-local` for stores that nobody builds in. */
function buildThere(store: StoreConnection['store']): Building {
  if (!(store instanceof RemoteStore)) {
    throw new CliError('store/not-local', `nobody builds for the store '${store.uri}'`);
  }
  return {
    // By the older protocol, logs come beside the answers.
    isReusable: store instanceof WorkerStore,
    build: (build, { signal, reporter }) => store.build(build, reporter, { signal }),
    realise: async (derivation, { signal }) => {
      if (!(store instanceof WorkerStore)) throw new CliError('store/not-local', `'${store.uri}' tells no results`);
      return onlyResult(await store.realise([outputsOf(derivation)], { signal }));
    },
  };
}

function buildHere(store: LocalStore, context: CommandContext, openHere: OpenLocalBuilder): Building {
  const { settings } = context;
  const withRealiser = async <T>(
    { reporter }: Parameters<Building['build']>[1],
    use: (realiser: Realiser) => Promise<T>,
  ): Promise<T> => {
    await using resources = new AsyncDisposableStack();
    // How many builds the machine has at a time is counted where it is chosen.
    const builder = openHere(store, resources);
    const options = { store, builder, substituters: undefined, settings: readRealiseSettings(settings), reporter };
    return await use(new Realiser(options));
  };
  return {
    isReusable: true,
    build: ({ path, derivation, mode }, options) =>
      withRealiser(options, realiser =>
        realiser.realiseDerivation(
          { path, derivation: { ...derivation, inputDerivations: new Map() } },
          { ...options, mode },
        ),
      ),
    realise: (derivation, options) =>
      withRealiser(options, async realiser => {
        const { paths } = await realiser.realise([outputsOf(derivation)], options);
        return onlyResult(paths);
      }),
  };
}

function outputsOf(derivation: Parameters<Building['realise']>[0]): DerivingPath {
  return { kind: 'built', derivation: opaquePath(derivation), outputs: allOutputs };
}

/** One path has one result. */
function onlyResult(results: readonly { readonly result: BuildResult }[]): BuildResult {
  const [only] = results;
  if (only === undefined) throw new CliError('realise/failed', 'no result came of what was to be built');
  return only.result;
}
