import { connect } from 'node:net';
import { join } from 'node:path';
import { displayBytes, systemErrorText } from '../../base/index.ts';
import { canonicalPath, decodePercent, int32Type, uint32Type } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { StoreRequest } from '../open-store.ts';
import { StreamChannel } from '../remote/stream-channel.ts';
import type { Store } from '../store.ts';
import { takeStoreFiles, takeTraits } from '../store-parameters.ts';
import { WorkerConnection } from './worker-connection.ts';
import { WorkerStore } from './worker-store.ts';

/** `daemon` or `unix:///path`: by the daemon that listens there. Connects when something is asked of it. */
export async function openDaemonStore(request: StoreRequest): Promise<Store> {
  const { authority, parameters, context } = request;
  const { environment, reporter } = context;
  const traits = takeTraits(parameters, environment.storeDir);
  // Of all that is told of them, only logs are not asked of the daemon.
  const { root, log } = takeStoreFiles(parameters);
  const maxConnections = parameters.take('max-connections', int32Type, 1);
  parameters.take('max-connection-age', uint32Type, 2 ** 32 - 1);
  parameters.warnUnknown(reporter);
  const socket = authority === '' ? environment.daemonSocket : canonicalPath(displayBytes(decodePercent(authority)));
  const uri = authority === '' ? 'daemon' : `unix://${authority}`;
  return new WorkerStore({
    uri,
    traits,
    maxConnections,
    rootMaker: 'us',
    logDirs:
      log !== undefined
        ? [log]
        : root !== undefined
          ? [join(root, 'nix/var/log/nix')]
          : [environment.chosenLogDir ?? '/nix/var/log/nix', join(environment.dataFolder, 'log')],
    reporter,
    connect: async () => {
      const channel = await connectTo(socket);
      const options = { storeDir: traits.storeDir, uri, preamble: '', reporter };
      const connection = await WorkerConnection.open(channel, options);
      if (context.clientOptions !== undefined) await connection.setOptions(context.clientOptions());
      return connection;
    },
    resources: { [Symbol.asyncDispose]: () => Promise.resolve() },
  });
}

/** Throws `remote/unreachable`. */
async function connectTo(path: string): Promise<StreamChannel> {
  const socket = connect({ path });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', cause => {
      const message = `cannot connect to socket at '${path}': ${systemErrorText(cause)}`;
      reject(new StoreError('remote/unreachable', message, { cause }));
    });
  });
  return new StreamChannel(socket, socket);
}
