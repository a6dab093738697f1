import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { messageOf } from '../base/index.ts';
import { ClientExchange } from './client-exchange.ts';
import { GrpcStatus } from './grpc-status.ts';
import type { MetadataValues } from './metadata.ts';
import type {
  BidiStreamingMethod,
  ClientStreamingMethod,
  Method,
  ServerStreamingMethod,
  UnaryMethod,
} from './method.ts';
import { headersOf } from './metadata.ts';
import { formatTimeout } from './timeout.ts';

export type ServerAddress =
  | {
      readonly transport: 'tcp';
      readonly host: string;
      readonly port: number;
      /** Undefined: without TLS. */
      readonly tls?: ClientTls | undefined;
    }
  | { readonly transport: 'unix'; readonly path: string };

/** In PEM. The system's authorities unless `ca` is given; `certificate` and `key` for servers that ask who we are. */
export interface ClientTls {
  readonly ca?: string | Uint8Array | undefined;
  readonly certificate?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
}

export interface ClientOptions {
  /** Sent with every call. */
  readonly metadata?: MetadataValues;
  /** Bytes of one message that is received; 16 MiB unless given. */
  readonly messageLimit?: number;
}

export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the call may take. */
  readonly timeout?: number | undefined;
  readonly metadata?: MetadataValues | undefined;
}

/**
 * Calls methods of one server over one connection, made at the first call and again after it has ended. A call that
 * fails throws `GrpcStatus`; one that is aborted throws the signal's reason. Nothing is repeated.
 *
 *     await using client = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port });
 *     const response = await client.unary(getCapabilities, { instanceName: '' }, { timeout: 5000 });
 */
export class GrpcClient implements AsyncDisposable {
  readonly #address: ServerAddress;
  readonly #options: ClientOptions;
  #session: ClientHttp2Session | undefined;
  #closed = false;

  constructor(address: ServerAddress, options: ClientOptions = {}) {
    this.#address = address;
    this.#options = options;
  }

  async unary<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    settings: CallSettings = {},
  ): Promise<Response> {
    const exchange = this.#start(method, settings);
    exchange.sendOne(request);
    return exchange.receiveOne();
  }

  /** The call begins at once; who does not read the responses to their end gives them back by `return`. */
  serverStreaming<Request, Response>(
    method: ServerStreamingMethod<Request, Response>,
    request: Request,
    settings: CallSettings = {},
  ): AsyncGenerator<Response, void> {
    const exchange = this.#start(method, settings);
    exchange.sendOne(request);
    return exchange.receiveAll();
  }

  /** Stops sending once the server has answered. What `requests` throws ends the call and is thrown. */
  async clientStreaming<Request, Response>(
    method: ClientStreamingMethod<Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    settings: CallSettings = {},
  ): Promise<Response> {
    const exchange = this.#start(method, settings);
    exchange.sendAll(requests);
    return exchange.receiveOne();
  }

  bidiStreaming<Request, Response>(
    method: BidiStreamingMethod<Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    settings: CallSettings = {},
  ): AsyncGenerator<Response, void> {
    const exchange = this.#start(method, settings);
    exchange.sendAll(requests);
    return exchange.receiveAll();
  }

  #start<Request, Response>(
    method: Method<Request, Response>,
    settings: CallSettings,
  ): ClientExchange<Request, Response> {
    settings.signal?.throwIfAborted();
    return new ClientExchange(this.#request(method.path, settings), {
      method,
      messageLimit: this.#options.messageLimit ?? 16 * 1024 * 1024,
      signal: settings.signal,
      timeout: settings.timeout,
    });
  }

  #request(path: string, { timeout, metadata }: CallSettings): ClientHttp2Stream {
    const headers = {
      ':method': constants.HTTP2_METHOD_POST,
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'grpc-node-firn/1',
      ...(timeout === undefined ? {} : { 'grpc-timeout': formatTimeout(timeout) }),
      ...headersOf({ ...this.#options.metadata, ...metadata }),
    };
    try {
      return this.#connected().request(headers);
    } catch (error) {
      if (error instanceof GrpcStatus) throw error;
      throw new GrpcStatus('unavailable', `${this.#place}: ${messageOf(error)}`, { cause: error });
    }
  }

  #connected(): ClientHttp2Session {
    if (this.#closed) throw new GrpcStatus('unavailable', `${this.#place}: the client is closed`);
    const existing = this.#session;
    if (existing !== undefined && !existing.closed && !existing.destroyed) return existing;
    const session = this.#connect();
    this.#session = session;
    // Streams that it carried fail by themselves.
    session.on('error', () => {});
    session.on('goaway', () => {
      if (this.#session === session) this.#session = undefined;
    });
    session.on('close', () => {
      if (this.#session === session) this.#session = undefined;
    });
    // An idle connection keeps no process alive; a call's stream does.
    session.on('connect', () => session.setLocalWindowSize(sessionWindow));
    return session;
  }

  #connect(): ClientHttp2Session {
    const address = this.#address;
    const options = { settings: { enablePush: false, initialWindowSize: streamWindow }, maxSessionMemory: 1024 };
    if (address.transport === 'unix') {
      return connect('http://localhost', { ...options, createConnection: () => connectSocket(address.path) });
    }
    const { host, port, tls } = address;
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (tls === undefined) return connect(`http://${authority}`, options);
    return connect(`https://${authority}`, {
      ...options,
      ...(tls.ca === undefined ? {} : { ca: Buffer.from(tls.ca) }),
      ...(tls.certificate === undefined ? {} : { cert: Buffer.from(tls.certificate) }),
      ...(tls.key === undefined ? {} : { key: Buffer.from(tls.key) }),
    });
  }

  get #place(): string {
    const address = this.#address;
    return address.transport === 'unix' ? address.path : `${address.host}:${address.port}`;
  }

  /** Ends the connection; calls that are running end with `unavailable` or what the server still said. */
  async close(): Promise<void> {
    this.#closed = true;
    const session = this.#session;
    if (session === undefined || session.destroyed) return;
    await new Promise<void>(resolve => {
      session.once('close', () => resolve());
      session.destroy();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Of what may come before it is read, in bytes: of one stream and of the connection. */
const streamWindow = 1024 * 1024;
const sessionWindow = 4 * 1024 * 1024;
