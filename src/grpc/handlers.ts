import type { BidiStreamingMethod, ClientStreamingMethod, ServerStreamingMethod, UnaryMethod } from './method.ts';
import type { Metadata, MetadataValues } from './metadata.ts';
import type { Peer } from './peer.ts';
import type { ServerExchange } from './server-exchange.ts';

/** What a handler learns of a call beside its messages. */
export interface ServerCall {
  /** Of the method. */
  readonly path: string;
  readonly metadata: Metadata;
  /** The name by which the client called the server (`:authority`); empty when it gave none. */
  readonly authority: string;
  readonly peer: Peer;
  /** Aborted with a `GrpcStatus` when the client is gone or has cancelled, its deadline has passed or the server ends. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly deadline: number | undefined;
  /** Adds to what is sent before the first response; does nothing once that has begun. */
  addHeaders(values: MetadataValues): void;
  /** Adds to what is sent after the last. */
  addTrailers(values: MetadataValues): void;
  /** Calls `closed` when nothing of the call is in memory any more: its answer is with the client, or given up. */
  onClose(closed: () => void): void;
}

/** The messages of a client, read only as fast as they are asked for. */
export interface RequestStream<Request> extends AsyncIterableIterator<Request, undefined> {
  /** The next message where it is here already: many small ones cost less so. Undefined says nothing of the end. */
  take(): { readonly value: Request } | undefined;
}

export type UnaryHandler<Request, Response> = (request: Request, call: ServerCall) => Response | Promise<Response>;
export type ServerStreamingHandler<Request, Response> = (request: Request, call: ServerCall) => AsyncIterable<Response>;
export type ClientStreamingHandler<Request, Response> = (
  requests: RequestStream<Request>,
  call: ServerCall,
) => Response | Promise<Response>;
export type BidiStreamingHandler<Request, Response> = (
  requests: RequestStream<Request>,
  call: ServerCall,
) => AsyncIterable<Response>;

/** A method together with what answers it; made by the functions below, whose types hold the two together. */
export interface Route {
  readonly path: string;
  readonly answer: (exchange: ServerExchange) => Promise<void>;
}

/** Answers one request with one response. What handlers throw is told to the client (`ServerOptions.statusOf`). */
export function unary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  handler: UnaryHandler<Request, Response>,
): Route {
  return {
    path: method.path,
    answer: async exchange => {
      const request = await exchange.receiveOne(method.request);
      exchange.sendOne(method.response, await handler(request, exchange));
    },
  };
}

/** Answers one request with a stream, which is asked for no more than its reader takes. */
export function serverStreaming<Request, Response>(
  method: ServerStreamingMethod<Request, Response>,
  handler: ServerStreamingHandler<Request, Response>,
): Route {
  return {
    path: method.path,
    answer: async exchange => {
      const request = await exchange.receiveOne(method.request);
      await exchange.sendAll(method.response, handler(request, exchange));
    },
  };
}

/** Answers a stream with one response, which may come before the stream has ended. */
export function clientStreaming<Request, Response>(
  method: ClientStreamingMethod<Request, Response>,
  handler: ClientStreamingHandler<Request, Response>,
): Route {
  return {
    path: method.path,
    answer: async exchange => {
      exchange.sendOne(method.response, await handler(exchange.receiveAll(method.request), exchange));
    },
  };
}

export function bidiStreaming<Request, Response>(
  method: BidiStreamingMethod<Request, Response>,
  handler: BidiStreamingHandler<Request, Response>,
): Route {
  return {
    path: method.path,
    answer: exchange => exchange.sendAll(method.response, handler(exchange.receiveAll(method.request), exchange)),
  };
}
