import type { StoreRequest } from '../open-store.ts';
import { RemoteStore } from '../remote/remote-store.ts';
import type { Store } from '../store.ts';
import { ServeConnection } from './serve-connection.ts';
import { startedLine } from './ssh-command.ts';
import { takeSshPlace } from './ssh-parameters.ts';

/** `ssh://[user@]host[:port]`: by `nix-store --serve` there. Connects when something is asked of it. */
export async function openSshStore(request: StoreRequest): Promise<Store> {
  const { parameters, context } = request;
  const place = takeSshPlace(request, 'nix-store');
  parameters.warnUnknown(context.reporter);
  const { uri, traits, maxConnections, ssh } = place;
  return new RemoteStore({
    uri,
    traits,
    maxConnections,
    reporter: context.reporter,
    connect: async () => {
      // ssh may ask for a password.
      using _quiet = ssh.isDirect ? undefined : context.reporter.suspend();
      return await ServeConnection.open(await ssh.start(place.commandLine('--serve', '--write')), {
        storeDir: traits.storeDir,
        host: ssh.host,
        preamble: ssh.isDirect ? '' : startedLine,
      });
    },
    resources: { [Symbol.asyncDispose]: async () => ssh[Symbol.dispose]() },
  });
}
