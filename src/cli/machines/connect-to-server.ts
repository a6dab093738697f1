import {
  type ActionConnection,
  type ConnectOptions,
  buildByAction,
  openRemoteDerivationActions,
} from '../../engine/index.ts';
import { type Machine, connectionTo, machineUri } from '../../nix-compat/index.ts';
import { LocalStore, type Store, openStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { nestedServer } from '../nested-server.ts';
import { openStoreContext } from '../open-store.ts';
import { readStoreBuildSettings } from '../settings/read-store-build-settings.ts';

/** Opens a server of remote execution as a machine that builds for `ours`. Throws `server/incapable`, `store/not-local`. */
export async function connectToServer(
  context: CommandContext,
  ours: Store,
  { machine, reporter, errors }: Pick<ConnectOptions, 'reporter' | 'errors'> & { readonly machine: Machine },
): Promise<ActionConnection> {
  const uri = machineUri(machine);
  if (!(ours instanceof LocalStore)) {
    throw new CliError(
      'store/not-local',
      `'${uri}' runs builders for stores of this machine alone, not for '${ours.uri}'`,
    );
  }
  const { ReapiStore, explainFailure } = await import('../../reapi/index.ts');
  await using resources = new AsyncDisposableStack();
  const store = resources.use(await openStore(connectionTo(machine), { ...openStoreContext(context), reporter }));
  if (!(store instanceof ReapiStore)) throw new TypeError(`'${uri}' is opened as something else`);
  const { executes } = await explainFailure(uri, () => store.server.traits());
  if (!executes) {
    const advice = "name a token that may with ?token-file=…, or take it out of 'builders'";
    throw new CliError('machine/no-execution', `'${uri}' executes no actions, or not for you: ${advice}`);
  }
  const actions = resources.use(await openRemoteDerivationActions(ours, store.server));
  const settings = readStoreBuildSettings(ours, context);
  const owned = resources.move();
  return {
    kind: 'actions',
    isReusable: true,
    build: ({ job, inputs, nesting }, options) =>
      explainFailure(uri, () =>
        buildByAction(
          { store: ours, actions, settings, nestedServer },
          { job, inputs, nesting, output: errors, ...options },
        ),
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
