import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringFromText, silentReporter } from '../base/index.ts';
import { encodePercent } from '../nix-compat/index.ts';
import { connectToSocket } from './daemon/connect-to-socket.ts';
import { type SocketStoreOptions, openSocketStore } from './daemon/open-daemon-store.ts';
import { StoreError } from './error.ts';
import { defaultPlaces, governorOf, socketOf } from './local/local-places.ts';
import { openLocalStore } from './local/open-local-store.ts';
import type { OpenStoreContext } from './open-store.ts';
import type { StreamChannel } from './remote/stream-channel.ts';
import type { Store } from './store.ts';
import { StoreParameters, takeTraits } from './store-parameters.ts';

/**
 * The store that nobody has named. Where a daemon keeps it, and answers, that is asked: one of ours over the same data folder;
 * root's, for a user who has no store yet; C++ Nix's, where its database governs the store directory, which then nobody else
 * may write to. Otherwise this process opens it itself. Throws as `openLocalStore`.
 */
export async function openAutoStore(context: OpenStoreContext): Promise<Store> {
  const kept = await openAutoDaemon(context);
  if (kept !== undefined) return kept;
  return openLocalStore({
    scheme: 'local',
    authority: byteStringFromText(''),
    parameters: new StoreParameters(),
    context,
  });
}

/** The store that nobody has named, where a daemon keeps it and answers. */
export async function openAutoDaemon(context: OpenStoreContext): Promise<Store | undefined> {
  const found = await findDaemon(context);
  return found && openSocketStore(found, context);
}

async function findDaemon({ environment }: OpenStoreContext): Promise<SocketStoreOptions | undefined> {
  const traits = takeTraits(new StoreParameters(), environment.storeDir);
  const places = defaultPlaces(environment, silentReporter);
  const { storeDir } = traits;
  const common = { traits, maxConnections: 1, linksToReal: true };
  const own = socketOf(places);
  let connected = await tryConnect(own);
  if (connected !== undefined) {
    const realStoreDir = places.realStoreDir === storeDir ? undefined : places.realStoreDir;
    return { ...common, socket: own, uri: uriOf(own), realStoreDir, logDir: places.logDir, connected };
  }
  const { sharedDataFolder, daemonSocket } = environment;
  if (sharedDataFolder !== undefined && !existsSync(join(places.dataFolder, 'format'))) {
    const shared = socketOf({ dataFolder: sharedDataFolder });
    connected = await tryConnect(shared);
    if (connected !== undefined) return { ...common, socket: shared, uri: uriOf(shared), connected };
  }
  if (governorOf(storeDir, environment) === undefined) return undefined;
  connected = await tryConnect(daemonSocket);
  return connected === undefined ? undefined : { ...common, socket: daemonSocket, uri: 'daemon', connected };
}

/** Undefined where nobody listens, or nobody who is for us. */
async function tryConnect(socket: string): Promise<StreamChannel | undefined> {
  if (!existsSync(socket)) return undefined;
  try {
    return await connectToSocket(socket);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'remote/unreachable') return undefined;
    throw error;
  }
}

function uriOf(socket: string): string {
  return `unix://${encodePercent(byteStringFromText(socket), /[A-Za-z0-9/._~-]/)}`;
}
