import { join } from 'node:path';
import { messageOf, whenAborted } from '../../base/index.ts';
import { Leases } from '../../castore/index.ts';
import { type CallRecord, GrpcServer, type ListenAddress } from '../../grpc/index.ts';
import {
  Access,
  BlobQuota,
  HealthService,
  HttpService,
  type ReapiPlace,
  type ReapiServices,
  ServedBlobs,
  type ServedFeatures,
  ServerMetrics,
  blobServices,
  defaultReapiLimits,
  reflectionRoutes,
  rights,
  TraceExporter,
  statusOfError,
} from '../../server/index.ts';
import { servedFiles } from '../../proto/index.ts';
import { LocalStore, readSecretKeys } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { livenessOptions } from '../commands/collect.ts';
import { CliError } from '../error.ts';
import { openStoreHere } from '../open-store.ts';
import { type ServedAt, configurationLines } from './configuration-lines.ts';
import { formatListenAddress } from './listen-address.ts';
import { serveAssets } from './serve-assets.ts';
import { serveExecution } from './serve-execution.ts';
import { removeDeadSocket } from './remove-dead-socket.ts';
import { ServeLog } from './serve-log.ts';
import { serveNixCache } from './serve-nix-cache.ts';
import { type ServeSettings, isLocal } from './serve-settings.ts';
import { serverToken } from './server-token.ts';

/** Serves until the command is interrupted, and then ends in an orderly way. */
export async function runServer(settings: ServeSettings, context: CommandContext): Promise<void> {
  const log = new ServeLog();
  await using resources = new AsyncDisposableStack();
  const store = resources.use(await openStoreHere(context));
  if (!(store instanceof LocalStore)) {
    const message = `'firn serve' serves a store of this machine, and '${store.uri}' is kept by somebody else: give '--store local'`;
    throw new CliError('store/not-local', message);
  }
  const token = serverToken(store.dataFolder);
  const leases = resources.use(new Leases(store.blobs.folder, { duration: settings.lease }));
  const place: ReapiPlace = {
    blobs: new ServedBlobs(store.blobs, leases, quotaOf(settings, store, { context, log })),
    access: accessOf(settings, token),
    limits: { ...defaultReapiLimits, blobSize: settings.maxBlobSize },
  };
  const execution = resources.use(await serveExecution(place, store, { settings, context, log }));
  const features: ServedFeatures = {
    execution: execution.executes ? { minPriority: -1000, maxPriority: 1000 } : undefined,
    actionCache: true,
  };
  const assets = resources.use(serveAssets(place, store, { settings, context }));
  const services: readonly ReapiServices[] = [
    resources.use(blobServices({ ...place, logs: execution.logs }, features)),
    execution,
    assets,
  ];
  const routes = services.flatMap(service => service.routes);
  const names = [...new Set(routes.map(({ path }) => path.split('/')[1] ?? ''))];
  const health = new HealthService(names);
  const metrics = new ServerMetrics(routes.map(({ path }) => path));
  const traces =
    settings.traces === undefined
      ? undefined
      : resources.use(new TraceExporter({ ...settings.traces, onFault: error => logFault(log, error) }));
  const grpc = new GrpcServer(
    [...routes, ...health.routes, ...reflectionRoutes([...names, 'grpc.health.v1.Health'], servedFiles)],
    {
      statusOf: reported(log),
      onCall: record => {
        metrics.record(record);
        traces?.record(record);
        logCall(log, record);
      },
    },
  );
  addGauges(metrics, grpc);
  resources.defer(() => grpc.close({ drain: settings.drain }));
  const { cache } = execution;
  const onFault = (error: unknown) => logFault(log, error);
  const { access } = place;
  const nixCache = resources.use(serveNixCache(store, { settings: settings.nixCache, access, context }));
  const http = new HttpService({ ...place, cache, sites: [nixCache], metrics: () => metrics.format(), onFault });
  resources.defer(() => http.close({ drain: settings.drain }));
  const grpcAddresses = await listenAll(grpc, settings.grpc);
  const httpAddresses = await listenAll(http, settings.http);
  const served: ServedAt = {
    grpc: uriOf(grpcAddresses, 'grpc'),
    http: uriOf(httpAddresses, 'http'),
    keys: readSecretKeys(context.settings).map(key => key.publicKey.toString()),
    instances: settings.instances,
    executes: features.execution !== undefined,
    token: needsToken(settings) ? token : undefined,
    tokenFile: join(store.dataFolder, 'token'),
    tls: grpcAddresses.some(address => address.transport === 'tcp' && address.tls !== undefined),
  };
  for (const line of configurationLines(served)) context.out.line(line);
  const places = [
    ...grpcAddresses.map(address => `grpc=${formatListenAddress(address)}`),
    ...httpAddresses.map(address => `http=${formatListenAddress(address)}`),
  ];
  log.write('ready', { addresses: places.join(' '), data: store.dataFolder });
  context.out.line(`ready ${places.join(' ')}`);
  context.out.flush();
  await whenAborted(context.signal);
  log.write('stopping', { calls: grpc.calls, drain: settings.drain });
  health.stop();
  await Promise.all([grpc.close({ drain: settings.drain }), http.close({ drain: settings.drain })]);
  log.write('stopped');
}

/** Undefined: blobs may take what the disk has. */
function quotaOf(
  { maxSize }: ServeSettings,
  { blobs, collector }: LocalStore,
  { context, log }: { readonly context: CommandContext; readonly log: ServeLog },
): BlobQuota | undefined {
  if (maxSize === undefined) return undefined;
  return new BlobQuota(blobs, {
    maxSize,
    collect: async bytes => {
      const { bytesFreed } = await collector.collect({ ...livenessOptions(context), maxFreed: bytes });
      log.write('collected', { wanted: bytes, freed: bytesFreed });
    },
    onFault: error => logFault(log, error),
  });
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

/** What listens: by gRPC or by HTTP. */
interface Listener {
  listen(address: ListenAddress): Promise<{ readonly port: number }>;
}

/** The addresses as they are, with the ports that were chosen for 0. */
async function listenAll(server: Listener, addresses: readonly ListenAddress[]): Promise<ListenAddress[]> {
  const bound: ListenAddress[] = [];
  for (const address of addresses) {
    try {
      if (address.transport === 'unix') await removeDeadSocket(address.path);
      const { port } = await server.listen(address);
      bound.push(address.transport === 'tcp' ? { ...address, port } : address);
    } catch (cause) {
      const message = `cannot listen at ${formatListenAddress(address)}: ${messageOf(cause)}`;
      throw new CliError('serve/cannot-listen', message, { cause });
    }
  }
  return bound;
}

function uriOf(addresses: readonly ListenAddress[], scheme: 'grpc' | 'http'): string | undefined {
  const tcp = addresses.find(address => address.transport === 'tcp');
  if (tcp === undefined) return undefined;
  return `${tcp.tls === undefined ? scheme : `${scheme}s`}://${formatListenAddress(tcp)}`;
}

/** Errors that are ours to mend go to the log in full; clients hear less. */
function reported(log: ServeLog): (error: unknown) => ReturnType<typeof statusOfError> {
  return error => {
    const status = statusOfError(error);
    if (status.code === 'internal' || status.code === 'dataLoss') logFault(log, error);
    return status;
  };
}

function logFault(log: ServeLog, error: unknown): void {
  log.write('error', { message: messageOf(error), stack: error instanceof Error ? error.stack : undefined });
}

function residentMemory(): number {
  return process.memoryUsage.rss();
}

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function addGauges(metrics: ServerMetrics, grpc: GrpcServer): void {
  metrics.gauge({ name: 'firn_grpc_calls', help: 'Calls that are running.', value: () => grpc.calls });
  metrics.gauge({ name: 'firn_grpc_connections', help: 'Connections that are open.', value: () => grpc.connections });
  metrics.gauge({ name: 'process_resident_memory_bytes', help: 'Memory of the process.', value: residentMemory });
  metrics.gauge({ name: 'process_cpu_seconds_total', help: 'Processor time of the process.', value: processorTime });
}

/** Only calls that failed: there are thousands a second of others. */
function logCall(log: ServeLog, { path, peer, status, milliseconds }: CallRecord): void {
  if (status === undefined || status.code === 'notFound' || status.code === 'cancelled') return;
  const { code, message } = status;
  log.write('call', { path, peer: peer.address, code, message, milliseconds: Math.round(milliseconds) });
}
