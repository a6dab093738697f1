import {
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
  createSecureServer,
  createServer,
} from 'node:http2';
import type { AddressInfo, ListenOptions } from 'node:net';
import { messageOf } from '../base/index.ts';
import { GrpcStatus } from './grpc-status.ts';
import type { Route } from './handlers.ts';
import { MemoryBudget } from './memory-budget.ts';
import { type Peer, peerOf } from './peer.ts';
import { ReceiveWindows, type SessionWindow } from './receive-windows.ts';
import { ServerExchange, responseType } from './server-exchange.ts';
import { trailersOf } from './status-trailers.ts';

export interface ServerLimits {
  /** Bytes of one message that is received. */
  readonly messageSize: number;
  /** Of all listeners together; more are closed as they come. */
  readonly connections: number;
  /** Calls at a time on one connection; a client's further ones wait for these. */
  readonly callsPerConnection: number;
  /** Calls at a time on all connections; further ones get `resourceExhausted`. */
  readonly calls: number;
  /**
   * Bytes of requests that are held: beyond half of it nobody reads ahead, beyond all of it calls fail. As many may be on
   * their way by larger windows than HTTP/2's own.
   */
  readonly memory: number;
}

export const defaultServerLimits: ServerLimits = {
  messageSize: 16 * 1024 * 1024,
  connections: 4096,
  callsPerConnection: 16_384,
  calls: 32_768,
  memory: 128 * 1024 * 1024,
};

export interface CallRecord {
  readonly path: string;
  readonly peer: Peer;
  /** Undefined when it went well. */
  readonly status: GrpcStatus | undefined;
  readonly milliseconds: number;
  /** What the client says of the trace that the call belongs to (W3C Trace Context). */
  readonly traceparent: string | undefined;
}

export interface ServerOptions {
  readonly limits?: { readonly [name in keyof ServerLimits]?: number | undefined };
  /** What clients are told of errors that are no `GrpcStatus`; `unknown` with the message unless given. */
  readonly statusOf?: (error: unknown) => GrpcStatus;
  /** Told of each call that has ended. */
  readonly onCall?: (record: CallRecord) => void;
  /** Milliseconds without a word after which a connection is asked whether it is still there; 60 s unless given. */
  readonly keepaliveInterval?: number;
  /** Milliseconds for which a client may leave an answer unread before it loses the call; 60 s unless given. */
  readonly stallTime?: number;
}

/** Certificates in PEM. With `clientCa`, only clients whose certificate it signed are let in. */
export interface TlsIdentity {
  readonly certificate: string | Uint8Array;
  readonly key: string | Uint8Array;
  readonly clientCa?: string | Uint8Array;
}

export type ListenAddress =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsIdentity | undefined }
  | { readonly transport: 'unix'; readonly path: string };

interface Connection {
  readonly peer: Peer;
  readonly window: SessionWindow;
}

/** Milliseconds that a connection has for the answer to a ping. */
const pingTimeout = 20_000;

/**
 * Answers calls on any number of addresses until it is closed.
 *
 *     await using server = new GrpcServer([unary(echo, request => request)]);
 *     const { port } = await server.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
 */
export class GrpcServer implements AsyncDisposable {
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #memory: MemoryBudget;
  readonly #windows: ReceiveWindows;
  readonly #servers = new Set<Http2Server | Http2SecureServer>();
  readonly #sessions = new Map<Http2Session, Connection>();
  readonly #exchanges = new Set<ServerExchange>();
  readonly #silent = new WeakSet<Http2Session>();
  #keepalive: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  /** Throws where two routes have one path. */
  constructor(routes: readonly Route[], options: ServerOptions = {}) {
    this.#routes = new Map(routes.map(route => [route.path, route]));
    if (this.#routes.size !== routes.length) throw new TypeError('two routes have the same path');
    this.#options = options;
    const chosen = options.limits ?? {};
    this.#limits = {
      messageSize: chosen.messageSize ?? defaultServerLimits.messageSize,
      connections: chosen.connections ?? defaultServerLimits.connections,
      callsPerConnection: chosen.callsPerConnection ?? defaultServerLimits.callsPerConnection,
      calls: chosen.calls ?? defaultServerLimits.calls,
      memory: chosen.memory ?? defaultServerLimits.memory,
    };
    this.#memory = new MemoryBudget(this.#limits.memory);
    this.#windows = new ReceiveWindows(this.#limits.memory);
  }

  get paths(): readonly string[] {
    return [...this.#routes.keys()];
  }

  get connections(): number {
    return this.#sessions.size;
  }

  get calls(): number {
    return this.#exchanges.size;
  }

  /** Begins to answer; gives the port, 0 for a socket in the file system. Rejects with the system's error. */
  async listen(address: ListenAddress): Promise<{ readonly port: number }> {
    const server = this.#makeServer(address);
    server.maxConnections = this.#limits.connections;
    server.on('session', this.#openSession);
    server.on('stream', this.#openStream);
    // A client's garbage ends its own connection; 'sessionError' and 'clientError' of others are not ours to handle.
    server.on('sessionError', ignore);
    const listening: ListenOptions =
      address.transport === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...listening, backlog: 1024 }, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    // Failing to accept one connection (EMFILE) is no reason to stop.
    server.on('error', ignore);
    this.#servers.add(server);
    this.#keepalive ??= this.#startKeepalive();
    const bound: AddressInfo | string | null = server.address();
    return { port: bound !== null && typeof bound === 'object' ? bound.port : 0 };
  }

  /**
   * Takes no more connections and calls, waits for those that are running and ends what is left after `drain`
   * milliseconds (0 unless given) with `unavailable`.
   */
  close(options: { readonly drain?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.drain ?? 0);
    return this.#closing;
  }

  async #close(drain: number): Promise<void> {
    clearInterval(this.#keepalive);
    const closed = [...this.#servers].map(
      server =>
        new Promise<void>(resolve => {
          server.close(() => resolve());
        }),
    );
    for (const session of this.#sessions.keys()) session.close();
    const timer = setTimeout(() => this.#abandon(), drain);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  #abandon(): void {
    for (const exchange of this.#exchanges) {
      exchange.finish(new GrpcStatus('unavailable', 'the server is shutting down'));
    }
    // What was said last still goes out, if the client reads it.
    setImmediate(() => {
      for (const session of this.#sessions.keys()) session.destroy();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #makeServer(address: ListenAddress): Http2Server | Http2SecureServer {
    const settings = {
      maxSessionMemory: 1024,
      settings: { maxConcurrentStreams: this.#limits.callsPerConnection, enablePush: false },
      streamResetBurst: 100_000,
      streamResetRate: 10_000,
    };
    if (address.transport === 'unix' || address.tls === undefined) return createServer(settings);
    const { certificate, key, clientCa } = address.tls;
    return createSecureServer({
      ...settings,
      cert: Buffer.from(certificate),
      key: Buffer.from(key),
      ...(clientCa === undefined ? {} : { ca: Buffer.from(clientCa), requestCert: true, rejectUnauthorized: true }),
    });
  }

  readonly #openSession = (session: Http2Session): void => {
    if (this.#closing !== undefined || this.#sessions.size >= this.#limits.connections) {
      session.destroy();
      return;
    }
    this.#sessions.set(session, { peer: peerOf(session), window: this.#windows.attach(session) });
    session.once('close', () => this.#sessions.delete(session));
    session.on('error', ignore);
  };

  readonly #openStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const { session } = stream;
    const connection = session && this.#sessions.get(session);
    if (connection === undefined) return;
    const { peer, window } = connection;
    stream.on('error', ignore);
    const refusal = refuse(headers);
    if (refusal !== undefined) {
      stream.respond(refusal, { endStream: true });
      return;
    }
    const route = this.#routes.get(headers[':path'] ?? '');
    const started = performance.now();
    const path = headers[':path'] ?? '';
    const exchange = new ServerExchange(stream, {
      headers,
      peer,
      messageLimit: this.#limits.messageSize,
      memory: this.#memory,
      window,
      stallTime: this.#options.stallTime ?? 60_000,
      statusOf: this.#options.statusOf ?? unknownStatus,
      ended: status => {
        this.#exchanges.delete(exchange);
        const { traceparent } = headers;
        this.#options.onCall?.({
          path,
          peer,
          status,
          milliseconds: performance.now() - started,
          traceparent: typeof traceparent === 'string' ? traceparent : undefined,
        });
      },
    });
    this.#exchanges.add(exchange);
    if (route === undefined) {
      exchange.finish(new GrpcStatus('unimplemented', `no method ${path.slice(0, 200)} is served`));
    } else if (this.#exchanges.size > this.#limits.calls) {
      exchange.finish(new GrpcStatus('resourceExhausted', `more than ${this.#limits.calls} calls at a time`));
    } else if (this.#closing !== undefined) {
      exchange.finish(new GrpcStatus('unavailable', 'the server is shutting down'));
    } else void exchange.run(route.answer);
  };

  #startKeepalive(): NodeJS.Timeout {
    const timer = setInterval(() => {
      for (const session of this.#sessions.keys()) this.#ask(session);
    }, this.#options.keepaliveInterval ?? 60_000);
    timer.unref();
    return timer;
  }

  /** A connection that does not answer is gone, and its calls with it. */
  #ask(session: Http2Session): void {
    if (session.destroyed || session.closed || this.#silent.has(session)) return;
    this.#silent.add(session);
    const timer = setTimeout(() => session.destroy(), pingTimeout);
    timer.unref();
    session.ping(() => {
      clearTimeout(timer);
      this.#silent.delete(session);
    });
  }
}

/** The HTTP answer to what is no gRPC request; undefined for what is one. */
function refuse(headers: IncomingHttpHeaders): Record<string, string | number> | undefined {
  if (headers[':method'] !== 'POST') return { ':status': 405, allow: 'POST' };
  const type = headers['content-type'] ?? '';
  if (!/^application\/grpc(?:$|[+;])/.test(type)) return { ':status': 415, accept: responseType };
  const encoding = headers['grpc-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    const name = typeof encoding === 'string' ? encoding : encoding.join(', ');
    const status = new GrpcStatus('unimplemented', `the encoding '${name.slice(0, 80)}' is not spoken, only identity`);
    return {
      ':status': 200,
      'content-type': responseType,
      'grpc-accept-encoding': 'identity',
      ...trailersOf(status),
    };
  }
  return undefined;
}

function unknownStatus(error: unknown): GrpcStatus {
  return new GrpcStatus('unknown', messageOf(error), { cause: error });
}

function ignore(): void {
  // The event that matters is another.
}
