import type { Socket } from 'node:net';
import { type Peer, messageOf, peerOf, whenAborted } from '../../base/index.ts';
import { MessageBudget } from '../../nix-compat/index.ts';
import { serveWorker } from '../../server/index.ts';
import { SocketAttention, StreamChannel, defaultPlaces, socketOf } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { isUnnamedStore, openCommandStore } from '../open-store.ts';
import { serveWith } from '../served-store.ts';
import { type ClientAccess, admitClient } from './client-access.ts';
import { hasPassedSocket, listenAtSocket } from './daemon-socket.ts';

/** Bytes that requests of all clients take at a time. One of them may not keep others from being heard, nor end the daemon. */
const requestMemory = 256 * 1024 * 1024;

/** Characters of what is said of a client: its messages quote what it sent. */
const maxComplaint = 4096;

export interface DaemonOptions {
  /** Where it listens beside the socket of its data folder: there clients of C++ Nix look. */
  readonly socket: string | undefined;
  /** What all clients are taken for; by who they are unless given. */
  readonly trust: boolean | undefined;
}

/**
 * Serves the worker protocol to whoever connects to the socket of the data folder, or another, until the command is
 * interrupted. Each client has settings and a store of its own, so that what it chooses and what it keeps from being
 * collected ends with it.
 */
export async function runDaemon(options: DaemonOptions, context: CommandContext): Promise<void> {
  const { signal, log, environment, settings } = context;
  const clients = new Set<Promise<void>>();
  const budget = new MessageBudget(requestMemory);
  await using servers = new AsyncDisposableStack();
  const accept = (isKeepers: boolean) => (socket: Socket) => {
    const client = serveClient({ socket, isKeepers, budget }, options, context)
      .catch((error: unknown) => log.log('error', `error: ${messageOf(error).slice(0, maxComplaint)}`))
      .finally(() => {
        socket.destroy();
        clients.delete(client);
      });
    clients.add(client);
  };
  if (isUnnamedStore(settings.get('store'))) {
    // Who finds a daemon there is its client: it must not be its own.
    settings.assign('store', 'local');
    servers.use(await listenAtSocket(socketOf(defaultPlaces(environment, log)), accept(true)));
  }
  const passed = hasPassedSocket();
  if (options.socket !== undefined || passed) {
    servers.use(await listenAtSocket(options.socket ?? environment.daemonSocket, accept(false), { passed }));
  }
  await whenAborted(signal);
  await Promise.all(clients);
}

interface Client {
  readonly socket: Socket;
  /** Whether it came by the socket of the data folder. */
  readonly isKeepers: boolean;
  readonly budget: MessageBudget;
}

async function serveClient(
  { socket, isKeepers, budget }: Client,
  options: DaemonOptions,
  context: CommandContext,
): Promise<void> {
  const { log, signal } = context;
  // From the first: who is gone before its store is open has failed, too.
  const fd = descriptorOf(socket);
  await using channel = new StreamChannel(socket, socket, new SocketAttention(fd));
  signal.addEventListener('abort', () => channel.destroy(), { once: true, signal: channel.ended });
  const peer = peerOf(fd);
  const { user, isTrusted } = accessOf({ peer, isKeepers }, options, context);
  const pid = peer?.process ?? '<unknown>';
  log.log('info', `accepted connection from pid ${pid}, user ${user}${isTrusted ? ' (trusted)' : ''}`);
  await using resources = new AsyncDisposableStack();
  const settings = context.settings.copy(message => log.warn(message));
  // Clients of C++ Nix read logs themselves, where they are text or compressed by bzip2.
  settings.presume('compress-build-log', 'false');
  const own: CommandContext = { ...context, settings, resources };
  await using store = await openCommandStore(own);
  const gone = AbortSignal.any([signal, channel.ended]);
  try {
    const onFault = (error: unknown) => log.logError(error);
    await serveWorker(channel, serveWith(store, own), { isTrusted, signal, onFault, budget });
  } catch (error) {
    // Nobody is there to be told.
    if (!gone.aborted) throw error;
  }
}

function accessOf(
  { peer, isKeepers }: { readonly peer: Peer | undefined; readonly isKeepers: boolean },
  { trust }: DaemonOptions,
  { settings }: CommandContext,
): ClientAccess {
  if (trust !== undefined) return { user: '<unknown>', isTrusted: trust };
  if (peer === undefined) {
    throw new CliError(
      'daemon/refused',
      'this system does not tell who connects: --force-trusted or --force-untrusted',
    );
  }
  return admitClient(peer, settings, isKeepers ? process.getuid?.() : undefined);
}

/** Node has no public way to a socket's descriptor. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd !== 'number' || fd < 0) throw new CliError('daemon/refused', 'a connection was closed at once');
  return fd;
}
