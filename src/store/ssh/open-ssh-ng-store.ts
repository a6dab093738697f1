import { uint32Type } from '../../nix-compat/index.ts';
import { WorkerConnection } from '../daemon/worker-connection.ts';
import { type RootMaker, WorkerStore } from '../daemon/worker-store.ts';
import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { takeStoreFiles } from '../store-parameters.ts';
import { startedLine } from './ssh-command.ts';
import { takeSshPlace } from './ssh-parameters.ts';

/** `ssh-ng://[user@]host[:port]`: by `nix-daemon --stdio` there. Connects when something is asked of it. */
export function openSshNgStore(request: StoreRequest): Promise<Store> {
  return open(request, { rootMaker: 'nobody', flags: ['--stdio'] });
}

/**
 * `mounted-ssh-ng://[user@]host[:port]`: the same, where both sides see one file system with the store, so that links to what
 * is built can be made roots.
 */
export function openMountedSshNgStore(request: StoreRequest): Promise<Store> {
  const { parameters, context } = request;
  context.requireFeature('mounted-ssh-store');
  // Where the store's files are is where they are said to be.
  takeStoreFiles(parameters);
  return open(request, { rootMaker: 'other side', flags: ['--stdio', '--process-ops'] });
}

interface SshNgKind {
  readonly rootMaker: RootMaker;
  readonly flags: readonly string[];
}

async function open(request: StoreRequest, { rootMaker, flags }: SshNgKind): Promise<Store> {
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
    rootMaker,
    reporter,
    connect: async () => {
      // ssh may ask for a password.
      using _quiet = ssh.isDirect ? undefined : reporter.suspend();
      return await WorkerConnection.open(await ssh.start(place.commandLine(...flags)), {
        storeDir: traits.storeDir,
        uri,
        preamble: ssh.isDirect ? '' : startedLine,
        reporter,
      });
    },
    resources: { [Symbol.asyncDispose]: async () => ssh[Symbol.dispose]() },
  });
}
