import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Reporter, Semaphore } from '../../../base/index.ts';
import type { StoreError } from '../../error.ts';
import { mostOnConnection } from './connection-pool.ts';
import { FailedAttempt } from './failed-attempt.ts';
import { HttpRoutes, type Variables } from './http-routes.ts';
import type { HttpRequest } from './http-request.ts';
import { type Exchanged, HttpTransfer, type TransferContext, asStoreError } from './http-transfer.ts';
import { type Netrc, readNetrc } from './netrc.ts';

export interface HttpClientOptions {
  /** Requests under way at a time, small ones not counted, of which each connection has several; 0 for as many as there are. */
  readonly connections: number;
  /** In seconds, as the next; 0 for as long as it takes. */
  readonly connectTimeout: number;
  readonly stallTimeout: number;
  /** At least 1. */
  readonly attempts: number;
  /** In bytes a second, of each download; 0 for as fast as it comes. */
  readonly maxSpeed: number;
  readonly userAgent: string;
  readonly netrcFile: string;
  /** Certificates of authorities, in PEM; those that Node knows unless given. */
  readonly caFile: string | undefined;
  /** Of the environment: which proxies to use. */
  readonly variables: Variables;
  /** Whether servers of this machine and on its links are not asked, also where a redirect leads there. */
  readonly isDistant?: boolean | undefined;
  readonly reporter: Reporter;
  /** Waits so many milliseconds before the next attempt: for tests. */
  readonly pause?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** What became of a request: `absent` and `forbidden` come with the error for those to whom that is one. */
export type HttpOutcome<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'absent' | 'forbidden'; readonly error: StoreError };

export interface HttpAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/**
 * Makes requests as C++ Nix does: what fails for the moment is tried again, later each time; a download that breaks off
 * goes on where it was if the server can do that. One client serves all stores of a process, so that they share its
 * connections and keep to its limits together.
 */
export class HttpClient {
  readonly #context: TransferContext;

  constructor(options: HttpClientOptions) {
    let netrc: Netrc | undefined;
    this.#context = {
      ...options,
      pause: options.pause ?? (async (milliseconds, signal) => delay(milliseconds, undefined, { signal })),
      routes: new HttpRoutes(options),
      permits: options.connections === 0 ? undefined : new Semaphore(options.connections),
      smallPermits: options.connections === 0 ? undefined : new Semaphore(options.connections * mostOnConnection),
      netrc: () => (netrc ??= readNetrc(options.netrcFile)),
    };
  }

  /**
   * Makes a request whose answer is small; its body is put into what `memory` gives, where that is given and the size is
   * known. Throws `cache/file-too-large` or `cache/transfer-failed`.
   */
  async fetch(
    request: HttpRequest,
    limit: number,
    memory?: (size: number) => Uint8Array,
  ): Promise<HttpOutcome<HttpAnswer>> {
    using transfer = new HttpTransfer(request, this.#context);
    return await outcomeOf(() => transfer.whole(limit, memory));
  }

  /**
   * Starts a download; its chunks are the caller's to keep and come when they are asked for. The result is to be
   * iterated. Throws as `fetch`.
   */
  async open(request: HttpRequest): Promise<HttpOutcome<AsyncIterable<Uint8Array>>> {
    const transfer = new HttpTransfer(request, this.#context);
    const outcome = await outcomeOf(async () => chunksOf(transfer, await transfer.begin()));
    if (outcome.kind !== 'found') transfer[Symbol.dispose]();
    return outcome;
  }
}

async function* chunksOf(transfer: HttpTransfer, first: Exchanged): AsyncIterable<Uint8Array> {
  using whole = transfer;
  yield* whole.chunks(first);
}

async function outcomeOf<T>(work: () => Promise<T>): Promise<HttpOutcome<T>> {
  try {
    return { kind: 'found', value: await work() };
  } catch (error) {
    if (!(error instanceof FailedAttempt)) throw error;
    const failure = asStoreError(error);
    if (error.kind === 'absent' || error.kind === 'forbidden') return { kind: error.kind, error: failure };
    throw failure;
  }
}
