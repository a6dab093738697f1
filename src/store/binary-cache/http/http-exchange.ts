import { open } from 'node:fs/promises';
import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { CallOptions } from '../../../castore/index.ts';
import { type UploadContent, uploadSize } from '../cache-transport.ts';
import { hasRoom } from '../codec.ts';
import { fileChunks } from '../file-chunks.ts';
import {
  type CurlError,
  type FailedAttempt,
  classifySocketError,
  detailOf,
  failedBeforeAnswer,
} from './failed-attempt.ts';
import type { Headers, HttpMethod } from './http-request.ts';
import { StallTimer } from './stall-timer.ts';

export interface ExchangeOptions extends CallOptions {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: UploadContent | undefined;
  readonly agent: Agent;
  /** In seconds, as below; 0 for as long as it takes. */
  readonly connectTimeout: number;
  readonly stallTimeout: number;
  /** Of messages: `unable to download 'URL'`. */
  readonly subject: string;
  /** Told how many bytes of the body were sent so far. */
  readonly uploaded?: ((bytes: number) => void) | undefined;
}

/** How often a kept connection may turn out to have been closed meanwhile. */
const maxStaleConnections = 8;

/** Sends one request and resolves with the answer, whose body is still to come. Rejects with a `FailedAttempt`. */
export async function exchange(options: ExchangeOptions): Promise<IncomingMessage> {
  for (let stale = 0; ; stale++) {
    options.signal?.throwIfAborted();
    const attempt = new Exchange(options);
    try {
      return await attempt.answer();
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!attempt.wasStale || stale === maxStaleConnections) throw attempt.explain(error);
    }
  }
}

class Exchange {
  readonly #options: ExchangeOptions;
  readonly #request: ClientRequest;
  readonly #started = performance.now();
  #isConnected = false;
  /** Why it was given up from here. */
  #timeout: string | undefined;
  #isAnswered = false;

  constructor(options: ExchangeOptions) {
    const { url, method, agent, body } = options;
    this.#options = options;
    const length = body === undefined ? {} : { 'content-length': String(uploadSize(body)) };
    const headers = { ...options.headers, ...length };
    // Destroyed here rather than by the signal: of that only the reason is wanted.
    this.#request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, { method, agent, headers });
    // It may come late, for a connection that was given up.
    this.#request.on('error', () => {});
  }

  async answer(): Promise<IncomingMessage> {
    const { connectTimeout, stallTimeout, signal } = this.#options;
    const abort = () => void this.#request.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    using connecting = new StallTimer(connectTimeout, () => this.#giveUp('Connection timed out'));
    using stall = new StallTimer(stallTimeout, () => this.#giveUp(stalled(stallTimeout)));
    connecting.wait();
    stall.wait();
    this.#request.once('socket', socket => {
      const connected = () => {
        this.#isConnected = true;
        connecting.pause();
      };
      if (socket.connecting) socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected);
      else connected();
    });
    try {
      const answered = this.#whenAnswered();
      // Settled later or never where sending the body fails first.
      answered.catch(() => {});
      await this.#send(stall);
      return await answered;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #whenAnswered(): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      this.#request
        .once('response', response => {
          this.#isAnswered = true;
          resolve(response);
        })
        .once('error', reject)
        .once('close', () => reject(new Error('the connection was closed')));
    });
  }

  /** What is left when the server answers, or when the connection breaks, is not sent. */
  async #send(stall: StallTimer): Promise<void> {
    const { body, uploaded } = this.#options;
    if (body === undefined || 'bytes' in body) {
      this.#request.end(body?.bytes);
      return;
    }
    await using file = await open(body.file);
    let sent = 0;
    for await (const chunk of fileChunks(file, { offset: 0, length: body.size }, undefined)) {
      if (this.#request.destroyed || this.#isAnswered) return;
      if (!this.#request.write(chunk)) await hasRoom(this.#request);
      sent += chunk.byteLength;
      stall.wait();
      uploaded?.(sent);
    }
    this.#request.end();
  }

  #giveUp(reason: string): void {
    this.#timeout = reason;
    this.#request.destroy();
  }

  /** Whether a connection was used that the server had closed before the request came. */
  get wasStale(): boolean {
    return this.#request.reusedSocket && this.#timeout === undefined && !this.#isAnswered;
  }

  explain(cause: unknown): FailedAttempt {
    const { subject } = this.#options;
    if (this.#timeout !== undefined) {
      const detail = this.#isConnected ? this.#timeout : `Connection timed out after ${this.#elapsed()} milliseconds`;
      return failedBeforeAnswer(subject, 'timeout', detail, cause);
    }
    const kind = classifySocketError(cause, this.#isConnected);
    return failedBeforeAnswer(subject, kind, this.#detail(kind, cause), cause);
  }

  /** In curl's words. */
  #detail(kind: CurlError, cause: unknown): string {
    const { url } = this.#options;
    if (kind === 'resolve') return `Could not resolve host: ${url.hostname}`;
    if (kind === 'empty') return 'Empty reply from server';
    if (kind === 'certificate') return `SSL certificate problem: ${detailOf(cause)}`;
    if (kind !== 'connect') return detailOf(cause);
    return `Failed to connect to ${url.host} after ${this.#elapsed()} ms: ${detailOf(cause)}`;
  }

  #elapsed(): number {
    return Math.round(performance.now() - this.#started);
  }
}

/** `seconds` as the setting has it. */
export function stalled(seconds: number): string {
  return `Operation too slow. Less than 1 bytes/sec transferred the last ${seconds} seconds`;
}
