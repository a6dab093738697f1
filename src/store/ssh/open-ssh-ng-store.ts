import { uint32Type } from '../../nix-compat/index.ts';
import { WorkerConnection } from '../daemon/worker-connection.ts';
import { WorkerStore } from '../daemon/worker-store.ts';
import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { startedLine } from './ssh-command.ts';
import { takeSshPlace } from './ssh-parameters.ts';

/** `ssh-ng://[user@]host[:port]`: by `nix-daemon --stdio` there. Connects when something is asked of it. */
export async function openSshNgStore(request: StoreRequest): Promise<Store> {
  const { parameters, context } = request;
  const place = takeSshPlace(request, 'nix-daemon');
  // Connections are kept as long as the store is.
  parameters.take('max-connection-age', uint32Type, 2 ** 32 - 1);
  parameters.warnUnknown(context.reporter);
  const { uri, traits, maxConnections, ssh } = place;
  const { reporter } = context;
  return new WorkerStore({
    uri,
    traits,
    maxConnections,
    isHere: false,
    reporter,
    connect: async () => {
      // ssh may ask for a password.
      using _quiet = ssh.isDirect ? undefined : reporter.suspend();
      return await WorkerConnection.open(await ssh.start(place.commandLine('--stdio')), {
        storeDir: traits.storeDir,
        uri,
        preamble: ssh.isDirect ? '' : startedLine,
        reporter,
      });
    },
    resources: { [Symbol.asyncDispose]: async () => ssh[Symbol.dispose]() },
  });
}
