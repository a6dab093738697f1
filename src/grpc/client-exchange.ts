import { type ClientHttp2Stream, type IncomingHttpHeaders, constants } from 'node:http2';
import { messageOf } from '../base/index.ts';
import { GrpcStatus } from './grpc-status.ts';
import { IncomingMessages } from './incoming-messages.ts';
import type { Method } from './method.ts';
import { OutgoingMessages, isOpen } from './outgoing-messages.ts';
import { statusOfHttp, statusOfTrailers } from './status-trailers.ts';
import { frameMessage } from './frame-message.ts';

export interface ClientExchangeOptions<Request, Response> {
  readonly method: Method<Request, Response>;
  readonly messageLimit: number;
  readonly signal: AbortSignal | undefined;
  readonly timeout: number | undefined;
}

/** One call at the client's end. */
export class ClientExchange<Request, Response> {
  readonly #stream: ClientHttp2Stream;
  readonly #session: ClientHttp2Stream['session'];
  readonly #options: ClientExchangeOptions<Request, Response>;
  readonly #incoming: IncomingMessages<Response>;
  readonly #ended = Promise.withResolvers<void>();
  #isSettled = false;
  #trailers: IncomingHttpHeaders | undefined;
  #failure: { readonly reason: unknown } | undefined;
  #streamError: unknown;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ClientHttp2Stream, options: ClientExchangeOptions<Request, Response>) {
    this.#stream = stream;
    // It is not the stream's any more when that has closed.
    this.#session = stream.session;
    this.#options = options;
    this.#incoming = new IncomingMessages(stream, { codec: options.method.response, limit: options.messageLimit });
    stream.on('response', this.#begin);
    stream.on('trailers', headers => {
      this.#trailers ??= headers;
      if (stream.readableEnded) this.#settle();
    });
    stream.on('end', () => {
      if (this.#trailers !== undefined) this.#settle();
    });
    stream.on('error', error => {
      this.#streamError ??= error;
    });
    stream.on('close', () => {
      this.#settle();
      // What was read before the end is still there to be asked for.
      if (!stream.readableEnded) this.#incoming.fail(closedStatus(options.method.path));
    });
    options.signal?.addEventListener('abort', this.#aborted, { once: true });
    if (options.timeout !== undefined && options.timeout < 2 ** 31) {
      const message = `${options.method.path}: no answer within ${options.timeout} ms`;
      this.#timer = setTimeout(() => this.#cancel(new GrpcStatus('deadlineExceeded', message)), options.timeout);
    }
  }

  sendOne(request: Request): void {
    const stream = this.#stream;
    const pieces = frameMessage(this.#options.method.request.encode(request));
    if (pieces.length > 1) stream.cork();
    for (const piece of pieces) stream.write(piece);
    if (pieces.length > 1) stream.uncork();
    stream.end();
  }

  /** Sends in the background until all is sent or the server has ended the call. */
  sendAll(requests: AsyncIterable<Request> | Iterable<Request>): void {
    const outgoing = new OutgoingMessages(this.#stream, this.#options.method.request);
    const send = async () => {
      for await (const request of requests) {
        if (!isOpen(this.#stream) || !(await outgoing.send(request))) return;
      }
      if (isOpen(this.#stream)) this.#stream.end();
    };
    send().catch((error: unknown) => this.#cancel(error));
  }

  async receiveOne(): Promise<Response> {
    const path = this.#options.method.path;
    let response: { readonly value: Response } | undefined;
    for await (const value of this.#received()) {
      if (response !== undefined) {
        this.#cancel(new GrpcStatus('unimplemented', `${path}: the server sent more than one response`));
        break;
      }
      response = { value };
    }
    await this.#ended.promise;
    this.#throwFailure();
    if (response === undefined) throw new GrpcStatus('unimplemented', `${path}: the server sent no response`);
    return response.value;
  }

  async *receiveAll(): AsyncGenerator<Response, void> {
    try {
      yield* this.#received();
      await this.#ended.promise;
      this.#throwFailure();
    } finally {
      // Whoever stops reading wants no more of the call.
      this.#cancel(new GrpcStatus('cancelled', 'the responses are not wanted any more'));
    }
  }

  /** Responses until they end or fail; why is `#failure`'s to say, once the stream has closed. */
  async *#received(): AsyncGenerator<Response, void> {
    try {
      yield* this.#incoming;
    } catch (error) {
      this.#cancel(error);
    }
  }

  readonly #begin = (headers: IncomingHttpHeaders): void => {
    const status = Number(headers[':status']);
    const type = headers['content-type'] ?? '';
    // Headers that end the stream are its trailers, too.
    if (headers['grpc-status'] !== undefined) this.#trailers = headers;
    else if (status !== 200 || !type.startsWith('application/grpc')) this.#cancel(statusOfHttp(status));
    const encoding = headers['grpc-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      this.#cancel(new GrpcStatus('internal', `the server compresses by '${String(encoding)}', which was not offered`));
    }
  };

  readonly #aborted = (): void => this.#cancel(this.#options.signal?.reason);

  #cancel(reason: unknown): void {
    if (this.#isSettled || this.#stream.closed) return;
    this.#failure ??= { reason };
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** When the server has said all, or the stream has closed before. */
  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    if (this.#failure === undefined) {
      const status = this.#trailers === undefined ? this.#statusOfReset() : statusOfTrailers(this.#trailers);
      if (status !== undefined) this.#failure = { reason: status };
    }
    // What was not sent yet is for nobody.
    if (!this.#stream.writableEnded) this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#ended.resolve();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  /** What a stream that was closed without trailers means (gRPC over HTTP/2, "Errors"). */
  #statusOfReset(): GrpcStatus {
    const code = this.#stream.rstCode;
    const reason = this.#streamError === undefined ? `HTTP/2 error ${code ?? 0}` : messageOf(this.#streamError);
    const message = `${this.#options.method.path}: the connection ended the call: ${reason}`;
    const options = this.#streamError === undefined ? {} : { cause: this.#streamError };
    // A connection that ends cancels its streams; nobody meant this one.
    if (this.#session?.destroyed !== false) return new GrpcStatus('unavailable', message, options);
    switch (code) {
      case constants.NGHTTP2_CANCEL:
        return new GrpcStatus('cancelled', message, options);
      case constants.NGHTTP2_ENHANCE_YOUR_CALM:
        return new GrpcStatus('resourceExhausted', message, options);
      case constants.NGHTTP2_INADEQUATE_SECURITY:
        return new GrpcStatus('permissionDenied', message, options);
      case constants.NGHTTP2_PROTOCOL_ERROR:
      case constants.NGHTTP2_FRAME_SIZE_ERROR:
      case constants.NGHTTP2_COMPRESSION_ERROR:
        return new GrpcStatus('internal', message, options);
      default:
        return new GrpcStatus('unavailable', message, options);
    }
  }
}

function closedStatus(path: string): GrpcStatus {
  return new GrpcStatus('unavailable', `${path}: the stream was closed`);
}
