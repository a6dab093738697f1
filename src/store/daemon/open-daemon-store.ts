import { join } from 'node:path';
import { displayBytes } from '../../base/index.ts';
import { canonicalPath, decodePercent, int32Type, uint32Type } from '../../nix-compat/index.ts';
import type { OpenStoreContext, StoreRequest } from '../open-store.ts';
import type { StreamChannel } from '../remote/stream-channel.ts';
import type { Store } from '../store.ts';
import { type StoreTraits, takeStoreFiles, takeTraits } from '../store-parameters.ts';
import { connectToSocket } from './connect-to-socket.ts';
import { WorkerConnection } from './worker-connection.ts';
import { WorkerStore } from './worker-store.ts';

/** `daemon` or `unix:///path`: by the daemon that listens there. Connects when something is asked of it. */
export async function openDaemonStore(request: StoreRequest): Promise<Store> {
  const { authority, parameters, context } = request;
  const { environment, reporter } = context;
  const traits = takeTraits(parameters, environment.storeDir);
  const { root, log, real } = takeStoreFiles(parameters);
  const maxConnections = parameters.take('max-connections', int32Type, 1);
  parameters.take('max-connection-age', uint32Type, 2 ** 32 - 1);
  parameters.warnUnknown(reporter);
  const socket = authority === '' ? environment.daemonSocket : canonicalPath(displayBytes(decodePercent(authority)));
  const uri = authority === '' ? 'daemon' : `unix://${authority}`;
  const files = {
    realStoreDir: real ?? (root === undefined ? undefined : join(root, 'nix/store')),
    logDir: log ?? (root === undefined ? undefined : join(root, 'nix/var/log/nix')),
    linksToReal: false,
  };
  return openSocketStore({ socket, uri, traits, maxConnections, ...files }, context);
}

export interface SocketStoreOptions {
  readonly socket: string;
  readonly uri: string;
  readonly traits: StoreTraits;
  readonly maxConnections: number;
  /** Where its paths are on this machine, if not where they say. */
  readonly realStoreDir?: string | undefined;
  /** Whether links to its paths lead to where these are. */
  readonly linksToReal: boolean;
  /** Where it keeps the logs of builds, if that is known. */
  readonly logDir?: string | undefined;
  /** A connection that there is already. */
  readonly connected?: StreamChannel;
}

export function openSocketStore(options: SocketStoreOptions, context: OpenStoreContext): WorkerStore {
  const { socket, uri, traits, maxConnections, realStoreDir } = options;
  const { environment, reporter } = context;
  let { connected } = options;
  const connect = (): Promise<StreamChannel> => {
    if (connected === undefined) return connectToSocket(socket);
    const first = connected;
    connected = undefined;
    return Promise.resolve(first);
  };
  return new WorkerStore({
    uri,
    traits,
    maxConnections,
    rootMaker: 'us',
    realStoreDir,
    linksToReal: options.linksToReal,
    logDirs:
      options.logDir === undefined
        ? [environment.chosenLogDir ?? '/nix/var/log/nix', join(environment.dataFolder, 'log')]
        : [options.logDir],
    reporter,
    connect: async () => {
      const greeted = { storeDir: traits.storeDir, uri, preamble: '', reporter };
      const connection = await WorkerConnection.open(await connect(), greeted);
      if (context.clientOptions !== undefined) await connection.setOptions(context.clientOptions());
      return connection;
    },
    resources: { [Symbol.asyncDispose]: async () => connected?.[Symbol.asyncDispose]() },
  });
}
