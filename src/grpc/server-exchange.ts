import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { GrpcStatus } from './grpc-status.ts';
import type { ServerCall } from './handlers.ts';
import { IncomingMessages } from './incoming-messages.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { Metadata, type MetadataValues, headersOf } from './metadata.ts';
import type { Codec } from './method.ts';
import { OutgoingMessages, isOpen } from './outgoing-messages.ts';
import { frameMessage } from './frame-message.ts';
import type { Peer } from './peer.ts';
import type { SessionWindow } from './receive-windows.ts';
import { okTrailers, trailersOf } from './status-trailers.ts';
import { parseTimeout } from './timeout.ts';

export interface ExchangeOptions {
  readonly headers: IncomingHttpHeaders;
  readonly peer: Peer;
  readonly messageLimit: number;
  readonly memory: MemoryBudget;
  readonly window: SessionWindow;
  /** In milliseconds: for which a client may leave what was sent unread. */
  readonly stallTime: number;
  readonly statusOf: (error: unknown) => GrpcStatus;
  /** Called once, when the client has been told how the call ended or is gone. */
  readonly ended: (status: GrpcStatus | undefined) => void;
}

export const responseType = 'application/grpc';

/** One call at the server's end: its stream, from the request's headers to the trailers. */
export class ServerExchange implements ServerCall {
  readonly path: string;
  readonly peer: Peer;
  readonly #stream: ServerHttp2Stream;
  readonly #options: ExchangeOptions;
  #deadline: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #incoming: { fail(status: GrpcStatus): void } | undefined;
  #headers: OutgoingHttpHeaders | undefined;
  #trailers: OutgoingHttpHeaders | undefined;
  /** How it ended; `ok` is no `GrpcStatus`. */
  #end: { readonly status: GrpcStatus | undefined } | undefined;

  constructor(stream: ServerHttp2Stream, options: ExchangeOptions) {
    this.#stream = stream;
    this.#options = options;
    this.path = options.headers[':path'] ?? '';
    this.peer = options.peer;
    options.window.open();
    stream.on('close', this.#closed);
    // A stream reset by its client is an error of Node's; 'close' follows.
    stream.on('error', ignore);
  }

  /** Runs a handler to its end, whatever that is. */
  async run(answer: (exchange: ServerExchange) => Promise<void>): Promise<void> {
    try {
      this.#startTimer();
      await answer(this);
      this.finish(undefined);
    } catch (error) {
      this.finish(error instanceof GrpcStatus ? error : this.#options.statusOf(error));
    }
  }

  get metadata(): Metadata {
    return new Metadata(this.#options.headers);
  }

  get authority(): string {
    return this.#options.headers[':authority'] ?? this.#options.headers.host ?? '';
  }

  get deadline(): number | undefined {
    return this.#deadline;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#end !== undefined) this.#abort.abort(this.#end.status ?? goneStatus());
    return this.#abort.signal;
  }

  addHeaders(values: MetadataValues): void {
    this.#headers = { ...this.#headers, ...headersOf(values) };
  }

  addTrailers(values: MetadataValues): void {
    this.#trailers = { ...this.#trailers, ...headersOf(values) };
  }

  onClose(closed: () => void): void {
    if (this.#stream.closed || this.#stream.destroyed) closed();
    else this.#stream.once('close', closed);
  }

  receiveAll<T>(codec: Codec<T>): IncomingMessages<T> {
    const incoming = new IncomingMessages(this.#stream, {
      codec,
      limit: this.#options.messageLimit,
      memory: this.#options.memory,
      received: bytes => this.#options.window.received(bytes),
    });
    this.#incoming = incoming;
    return incoming;
  }

  /** Throws `unimplemented` (as the specification says) when the client sends any other number of messages. */
  async receiveOne<T>(codec: Codec<T>): Promise<T> {
    const incoming = this.receiveAll(codec);
    const first = await incoming.next();
    if (first.done === true) throw new GrpcStatus('unimplemented', 'the method takes one message and none was sent');
    const second = await incoming.next();
    if (second.done !== true) throw new GrpcStatus('unimplemented', 'the method takes one message and more were sent');
    return first.value;
  }

  sendOne<T>(codec: Codec<T>, message: T): void {
    if (this.#end !== undefined) return;
    const pieces = frameMessage(codec.encode(message));
    this.#respond();
    if (pieces.length > 1) this.#stream.cork();
    for (const piece of pieces) this.#stream.write(piece);
    if (pieces.length > 1) this.#stream.uncork();
  }

  async sendAll<T>(codec: Codec<T>, messages: AsyncIterable<T>): Promise<void> {
    const outgoing = new OutgoingMessages(this.#stream, codec, this.#options.stallTime);
    for await (const message of messages) {
      if (this.#end !== undefined) return;
      this.#respond();
      if (!(await outgoing.send(message))) return;
    }
  }

  /** Ends the call there and then; does nothing once it has ended. */
  finish(status: GrpcStatus | undefined): void {
    if (this.#end !== undefined) return;
    this.#settle(status);
    const stream = this.#stream;
    if (!isOpen(stream)) return;
    const trailers = { ...(status === undefined ? okTrailers : trailersOf(status)), ...this.#trailers };
    try {
      if (stream.headersSent) {
        stream.once('wantTrailers', () => stream.sendTrailers(trailers));
        stream.end();
        if (stream.writableLength > watchedSize) closeWhenStalled(stream, this.#options.stallTime);
      } else {
        stream.respond(
          { ':status': 200, 'content-type': responseType, ...this.#headers, ...trailers },
          { endStream: true },
        );
      }
      if (!stream.readableEnded) stopClient(stream);
    } catch {
      // The connection ended between the check and here.
      stream.destroy();
    }
  }

  #respond(): void {
    const stream = this.#stream;
    if (stream.headersSent || !isOpen(stream)) return;
    stream.respond({ ':status': 200, 'content-type': responseType, ...this.#headers }, { waitForTrailers: true });
  }

  #startTimer(): void {
    const text = this.#options.headers['grpc-timeout'];
    if (typeof text !== 'string') return;
    const ms = parseTimeout(text);
    this.#deadline = Date.now() + ms;
    // Longer times than a timer can have are no deadline that anybody will see.
    if (ms >= 2 ** 31) return;
    const message = `the deadline of ${text} has passed`;
    this.#timer = setTimeout(() => this.finish(new GrpcStatus('deadlineExceeded', message)), ms);
  }

  readonly #closed = (): void => {
    this.#options.window.close();
    if (this.#end === undefined) this.#settle(goneStatus());
  };

  #settle(status: GrpcStatus | undefined): void {
    this.#end = { status };
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#incoming?.fail(status ?? goneStatus());
    // What the handler still does for a call that has ended is for nobody.
    this.#abort?.abort(status ?? goneStatus());
    this.#options.ended(status);
  }
}

/** Milliseconds that a client has to stop sending by itself, once it was told how the call ended. */
const stopTime = 500;

/**
 * Tells a client that still sends that nobody reads it. Not at once: resetting the stream would drop what is not on its
 * way yet, the status itself.
 */
function stopClient(stream: ServerHttp2Stream): void {
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), stopTime);
  stream.once('close', () => clearTimeout(timer));
}

/** Bytes that a client has not read yet when the call ends, from which on it is watched whether it ever does. */
const watchedSize = 64 * 1024;

function closeWhenStalled(stream: ServerHttp2Stream, stallTime: number): void {
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), stallTime);
  stream.once('close', () => clearTimeout(timer));
}

function goneStatus(): GrpcStatus {
  return new GrpcStatus('cancelled', 'the call has ended');
}

function ignore(): void {
  // Said by 'close'.
}
