import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageOf } from '../../base/index.ts';
import {
  type Digest,
  type DigestFunction,
  type ForeignDigest,
  emptyDigest,
  sha256FromHex,
} from '../../castore/index.ts';
import { GrpcStatus, type ListenAddress, type Peer } from '../../grpc/index.ts';
import { ActionResultSchema } from '../../proto/index.ts';
import type { ActionCache } from '../../reapi/index.ts';
import type { Requester, Right } from '../access.ts';
import type { ReapiPlace } from '../reapi/reapi-place.ts';
import { receiveBlob } from './receive-blob.ts';
import { type HttpResource, parseHttpPath } from './blob-path.ts';
import { parseRange } from './byte-range.ts';
import type { HttpSite } from './http-site.ts';
import { httpErrorOf } from './http-error.ts';
import { wholeBody } from './request-body.ts';

/** What is served over HTTP. */
export interface HttpPlace extends ReapiPlace {
  readonly cache: ActionCache;
  /** Asked for what is nothing of the server's own. */
  readonly sites: readonly HttpSite[];
  /** In Prometheus' text format. */
  readonly metrics: () => string;
  /** Told of errors that are ours. */
  readonly onFault: (error: unknown) => void;
}

type CacheResource = Extract<HttpResource, { readonly hash: string }>;

/** Connections at a time on one address. */
const maxConnections = 4096;

/** Bytes that each reader holds. */
const chunkSize = 256 * 1024;
const smallChunkSize = 16 * 1024;

/** Milliseconds without a byte after which a connection is closed. */
const stallTimeout = 60_000;

/** Of a result of an action, in bytes. */
const maxResultSize = 16 * 1024 * 1024;

/** Bazel's cache over HTTP, blobs by their hashes, health and metrics. */
export class HttpService implements AsyncDisposable {
  readonly #place: HttpPlace;
  readonly #servers = new Set<Server>();
  #isClosing = false;

  constructor(place: HttpPlace) {
    this.#place = place;
  }

  /** As `GrpcServer.listen`. */
  async listen(address: ListenAddress): Promise<{ readonly port: number }> {
    const tls = address.transport === 'tcp' ? address.tls : undefined;
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    const options = { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 30_000 };
    const server =
      tls === undefined
        ? createServer(options, answer)
        : createTlsServer(
            {
              ...options,
              cert: Buffer.from(tls.certificate),
              key: Buffer.from(tls.key),
              ...(tls.clientCa === undefined ? {} : { ca: Buffer.from(tls.clientCa), requestCert: true }),
            },
            answer,
          );
    server.maxConnections = maxConnections;
    // A stalled upload or reader holds nothing for longer than this.
    server.setTimeout(stallTimeout);
    server.listen(address.transport === 'unix' ? { path: address.path } : { host: address.host, port: address.port });
    await once(server, 'listening');
    this.#servers.add(server);
    const bound = server.address();
    return { port: bound !== null && typeof bound === 'object' ? bound.port : 0 };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // What breaks off is seen where it is read or written.
    request.on('error', () => {});
    response.on('error', () => {});
    try {
      await this.#route(request, response);
    } catch (error) {
      const { status, reason } = httpErrorOf(error);
      // Who breaks off is told nothing, and is no fault of ours.
      if (status === 500 && request.errored === null) this.#place.onFault(error);
      if (response.headersSent) response.destroy();
      else {
        if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="firn"');
        if (status === 416) response.setHeader('content-range', 'bytes */*');
        sendText(response, status, `${reason.message}\n`);
      }
    } finally {
      // An answer before the end of a request: what is left of it is not read, and the connection is of no more use.
      if (!request.complete) {
        response.once('finish', () => request.destroy());
      }
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const resource = parseHttpPath(request.url ?? '');
    const { method = '' } = request;
    if (resource === undefined) return this.#askSites(request, response);
    const isWritable = 'isCache' in resource && resource.isCache;
    if (method !== 'GET' && method !== 'HEAD' && !(method === 'PUT' && isWritable)) {
      response.setHeader('allow', isWritable ? 'GET, HEAD, PUT' : 'GET, HEAD');
      return sendText(response, 405, 'no such method here\n');
    }
    switch (resource.kind) {
      case 'health':
        return sendText(response, this.#isClosing ? 503 : 200, this.#isClosing ? 'stopping\n' : 'ok\n');
      case 'metrics':
        response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
        response.end(this.#place.metrics());
        return;
      case 'blob':
        this.#require(request, resource, method === 'PUT' ? 'write' : 'read');
        return method === 'PUT'
          ? this.#putBlob(request, response, resource)
          : this.#getBlob(request, response, resource);
      case 'action-result':
        this.#require(request, resource, method === 'PUT' ? 'write' : 'read');
        return method === 'PUT'
          ? this.#putResult(request, response, resource)
          : this.#getResult(request, response, resource);
    }
  }

  async #askSites(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const { method = '' } = request;
    const requester: Requester = { authorization: request.headers.authorization, peer: peerOf(request) };
    for (const site of this.#place.sites) {
      if (await site.answer({ method, path, request, response, requester })) return;
    }
    const message = 'there are /cas, /ac, /blobs, /health, /metrics and a binary cache of Nix (/nix-cache-info)';
    throw new GrpcStatus('notFound', message);
  }

  #require(request: IncomingMessage, { instance }: CacheResource, right: Right): void {
    const requester: Requester = { authorization: request.headers.authorization, peer: peerOf(request) };
    this.#place.access.requireOf(requester, instance, right);
  }

  async #getBlob(request: IncomingMessage, response: ServerResponse, resource: CacheResource): Promise<void> {
    const { store } = this.#place.blobs;
    const digest = await this.#find(resource);
    if (digest === undefined) throw new GrpcStatus('notFound', `the blob ${resource.hash} is absent`);
    const range = parseRange(request.headers.range, digest.size);
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${digest.size}`);
      return sendText(response, 416, 'nothing of that range is there\n');
    }
    const { start, end } = range ?? { start: 0, end: digest.size };
    // As for downloads by ByteStream: where many readers hold much, those that come get little at a time.
    using memory = this.#place.blobs.memory.tryAcquire(Math.min(chunkSize, end - start));
    const part = { offset: start, length: end - start, chunkSize: memory === undefined ? smallChunkSize : chunkSize };
    const chunks = await store.open(digest, part);
    if (chunks === undefined) throw new GrpcStatus('notFound', `the blob ${resource.hash} is absent`);
    response.statusCode = range === undefined ? 200 : 206;
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('content-length', end - start);
    response.setHeader('accept-ranges', 'bytes');
    response.setHeader('etag', `"${resource.hash}"`);
    response.setHeader('cache-control', 'public, max-age=31536000, immutable');
    if (range !== undefined) response.setHeader('content-range', `bytes ${start}-${end - 1}/${digest.size}`);
    if (request.method === 'HEAD') return void response.end();
    for await (const chunk of chunks) if (!(await written(response, chunk))) return;
    response.end();
  }

  /** The blob by its hash alone; leased, as its size was told. */
  async #find({ function: digestFunction, hash }: CacheResource): Promise<Digest | undefined> {
    const { blobs } = this.#place;
    const own = await ownDigest(blobs, digestFunction, hash);
    if (own === undefined) return undefined;
    const name: ForeignDigest = { function: digestFunction, hash, size: own.size };
    return (await blobs.has(name)) ? own : undefined;
  }

  async #putBlob(request: IncomingMessage, response: ServerResponse, resource: CacheResource): Promise<void> {
    await receiveBlob(request, this.#place, resource);
    response.statusCode = 200;
    response.end();
  }

  async #getResult(request: IncomingMessage, response: ServerResponse, resource: CacheResource): Promise<void> {
    const found = await this.#place.cache.get(keyOf(resource));
    if (found === undefined) throw new GrpcStatus('notFound', `no result of the action ${resource.hash} is known`);
    const bytes = toBinary(ActionResultSchema, found.result);
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('content-length', bytes.byteLength);
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  async #putResult(request: IncomingMessage, response: ServerResponse, resource: CacheResource): Promise<void> {
    const bytes = await wholeBody(request, {
      most: maxResultSize,
      tooLarge: () => new GrpcStatus('invalidArgument', `a result of more than ${maxResultSize} bytes`),
    });
    let result: ReturnType<typeof fromBinary<typeof ActionResultSchema>>;
    try {
      result = fromBinary(ActionResultSchema, bytes);
    } catch (error) {
      throw new GrpcStatus('invalidArgument', `the body is no ActionResult: ${messageOf(error)}`);
    }
    await this.#place.cache.record(keyOf(resource), result, { origin: 'uploaded' });
    response.statusCode = 200;
    response.end();
  }

  /** Takes no more connections, and ends those that are left after `drain` milliseconds. */
  async close(options: { readonly drain?: number } = {}): Promise<void> {
    this.#isClosing = true;
    const closed = [...this.#servers].map(
      server =>
        new Promise<void>(resolve => {
          server.close(() => resolve());
          server.closeIdleConnections();
        }),
    );
    const timer = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, options.drain ?? 0);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Results are kept by the hash alone: over HTTP nobody says how large an action is. */
function keyOf({ instance, function: digestFunction, hash }: CacheResource) {
  return { instance, action: { function: digestFunction, hash, size: 0 } };
}

async function ownDigest(
  { store }: HttpPlace['blobs'],
  digestFunction: DigestFunction,
  hash: string,
): Promise<Digest | undefined> {
  if (digestFunction !== 'sha256') {
    const [own] = await store.blobAliases.findByHash(digestFunction, [hash]);
    return own;
  }
  const own = sha256FromHex(hash);
  const size = own === emptyDigest.hash ? 0 : store.sizeOf(own);
  return size === undefined ? undefined : { hash: own, size };
}

/** Sends bytes that are lent until they are on their way; false when nobody reads any more. */
function written(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  return new Promise(resolve => {
    const settle = (isWritten: boolean) => {
      response.off('close', closed);
      resolve(isWritten);
    };
    const closed = () => settle(false);
    response.once('close', closed);
    if (response.destroyed) settle(false);
    else response.write(chunk, error => settle(error === undefined || error === null));
  });
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(text);
}

function peerOf({ socket }: IncomingMessage): Peer {
  const { remoteAddress, remotePort } = socket;
  const name = socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate().subject?.CN : undefined;
  const certificateName = typeof name === 'string' ? name : undefined;
  if (remoteAddress === undefined) return { address: 'unix', transport: 'unix', certificateName };
  return { address: `${remoteAddress}:${remotePort ?? 0}`, transport: 'tcp', certificateName };
}
