import { join } from 'node:path';
import { messageOf } from '../../base/index.ts';
import { Leases } from '../../castore/index.ts';
import { type CallRecord, GrpcServer, type ListenAddress } from '../../grpc/index.ts';
import {
  Access,
  type ReapiPlace,
  type ReapiServices,
  ServedBlobs,
  type ServedFeatures,
  blobServices,
  defaultReapiLimits,
  rights,
  statusOfError,
} from '../../server/index.ts';
import { LocalStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openStoreAt } from '../open-store.ts';
import { type ServedAt, configurationLines } from './configuration-lines.ts';
import { formatListenAddress } from './listen-address.ts';
import { serveAssets } from './serve-assets.ts';
import { serveExecution } from './serve-execution.ts';
import { ServeLog } from './serve-log.ts';
import { type ServeSettings, isLocal } from './serve-settings.ts';
import { serverToken } from './server-token.ts';

/** Serves until the command is interrupted, and then ends in an orderly way. */
export async function runServer(settings: ServeSettings, context: CommandContext): Promise<void> {
  const log = new ServeLog();
  await using resources = new AsyncDisposableStack();
  const store = resources.use(await openStoreAt('local', context));
  if (!(store instanceof LocalStore)) throw new TypeError('the local store is no LocalStore');
  const token = serverToken(store.dataFolder);
  const leases = resources.use(new Leases(store.blobs.folder, { duration: settings.lease }));
  const place: ReapiPlace = {
    blobs: new ServedBlobs(store.blobs, leases),
    access: accessOf(settings, token),
    limits: { ...defaultReapiLimits, blobSize: settings.maxBlobSize },
  };
  const execution = resources.use(await serveExecution(place, log));
  const features: ServedFeatures = {
    execution: execution.executes ? { minPriority: -1000, maxPriority: 1000 } : undefined,
    actionCache: true,
  };
  const assets = resources.use(serveAssets(place, store, { settings, context }));
  const services: readonly ReapiServices[] = [resources.use(blobServices(place, features)), execution, assets];
  const grpc = new GrpcServer(
    services.flatMap(({ routes }) => routes),
    { statusOf: reported(log), onCall: record => logCall(log, record) },
  );
  resources.defer(() => grpc.close({ drain: settings.drain }));
  const grpcAddresses = await listenAll(grpc, settings.grpc);
  const served: ServedAt = {
    grpc: uriOf(grpcAddresses),
    http: undefined,
    instances: settings.instances,
    executes: features.execution !== undefined,
    token: needsToken(settings) ? token : undefined,
    tokenFile: join(store.dataFolder, 'token'),
    tls: grpcAddresses.some(address => address.transport === 'tcp' && address.tls !== undefined),
  };
  for (const line of configurationLines(served)) context.out.line(line);
  for (const address of grpcAddresses) log.write('listening', { grpc: formatListenAddress(address) });
  context.out.line(`ready ${grpcAddresses.map(address => `grpc=${formatListenAddress(address)}`).join(' ')}`);
  context.out.flush();
  await interrupted(context.signal);
  log.write('stopping', { calls: grpc.calls, drain: settings.drain });
  await grpc.close({ drain: settings.drain });
  log.write('stopped');
}

function accessOf(settings: ServeSettings, token: string): Access {
  return new Access({
    instances: settings.instances,
    anonymous: { instances: '*', rights: anonymousRights(settings) },
    tokens: [{ token, instances: '*', rights }, ...settings.tokens],
    certificates: settings.certificates,
  });
}

/** Reading, where only this machine can ask, unless it was said otherwise. */
function anonymousRights({ anonymous, grpc, http }: ServeSettings) {
  return anonymous ?? ([...grpc, ...http].every(isLocal) ? (['read'] as const) : []);
}

function needsToken(settings: ServeSettings): boolean {
  return !anonymousRights(settings).includes('write');
}

/** The addresses as they are, with the ports that were chosen for 0. */
async function listenAll(server: GrpcServer, addresses: readonly ListenAddress[]): Promise<ListenAddress[]> {
  const bound: ListenAddress[] = [];
  for (const address of addresses) {
    try {
      const { port } = await server.listen(address);
      bound.push(address.transport === 'tcp' ? { ...address, port } : address);
    } catch (cause) {
      const message = `cannot listen at ${formatListenAddress(address)}: ${messageOf(cause)}`;
      throw new CliError('serve/cannot-listen', message, { cause });
    }
  }
  return bound;
}

function uriOf(addresses: readonly ListenAddress[]): string | undefined {
  const tcp = addresses.find(address => address.transport === 'tcp');
  if (tcp === undefined) return undefined;
  return `${tcp.tls === undefined ? 'grpc' : 'grpcs'}://${formatListenAddress(tcp)}`;
}

/** Errors that are ours to mend go to the log in full; clients hear less. */
function reported(log: ServeLog): (error: unknown) => ReturnType<typeof statusOfError> {
  return error => {
    const status = statusOfError(error);
    if (status.code === 'internal' || status.code === 'dataLoss') {
      log.write('error', { message: messageOf(error), stack: error instanceof Error ? error.stack : undefined });
    }
    return status;
  };
}

/** Only calls that failed: there are thousands a second of others. */
function logCall(log: ServeLog, { path, peer, status, milliseconds }: CallRecord): void {
  if (status === undefined || status.code === 'notFound' || status.code === 'cancelled') return;
  const { code, message } = status;
  log.write('call', { path, peer: peer.address, code, message, milliseconds: Math.round(milliseconds) });
}

function interrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
