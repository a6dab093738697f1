import { type Activity, type Reporter, type Semaphore, messageOf } from '../../../base/index.ts';
import { StoreError } from '../../error.ts';
import { fileTooLarge } from '../file-too-large.ts';
import { acceptedEncodings, isEncoded } from './content-encoding.ts';
import { FailedAttempt, failedBeforeAnswer, failedWithinAnswer, kindOfStatus } from './failed-attempt.ts';
import { readComplaint, redirectTarget, retryAfterOf } from './http-answer.ts';
import type { HttpAnswer } from './http-client.ts';
import type { HttpCall } from './http-call.ts';
import { exchange } from './http-exchange.ts';
import { type Headers, type HttpRequest, type UnsignedRequest, displayUrl, verbOf } from './http-request.ts';
import type { HttpRoutes } from './http-routes.ts';
import type { Netrc } from './netrc.ts';
import { type ReadBodyOptions, readBody, readWholeBody } from './read-body.ts';
import { isNearbyError } from './public-servers.ts';
import type { ServerAnswer, WholeBody } from './server-answer.ts';

/** What all transfers of a client have in common; numbers as in `HttpClientOptions`. */
export interface TransferContext {
  readonly connectTimeout: number;
  readonly stallTimeout: number;
  readonly attempts: number;
  readonly maxSpeed: number;
  readonly userAgent: string;
  readonly reporter: Reporter;
  readonly pause: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly routes: HttpRoutes;
  /** One for each request under way. */
  readonly permits: Semaphore | undefined;
  /** As `permits`, of requests whose answers are known to be small. */
  readonly smallPermits: Semaphore | undefined;
  readonly netrc: () => Netrc;
}

/** As curl, which C++ Nix has follow redirects. */
const maxRedirects = 10;

/**
 * For a host that cannot be resolved. C++ Nix makes as many attempts as for anything else: seconds of warnings at the
 * beginning of each command on a machine without a network. One more is for a resolver that was busy.
 */
const maxUnresolved = 2;

/** Milliseconds before the second attempt, and before it where the server has too many requests. */
const firstDelay = 250;
const firstThrottledDelay = 60_000;

/** Bytes from which on what came of a file that is wanted as a whole is kept when the rest did not come. */
const smallestPart = 64 * 1024;

const successes: ReadonlySet<number> = new Set([200, 201, 204, 206]);

/** An answer whose body is to be read, and the turn that it takes. */
export interface Exchanged {
  readonly response: ServerAnswer;
  readonly permit: Disposable | undefined;
}

/** One request, through all its attempts. */
export class HttpTransfer implements Disposable {
  readonly #request: HttpRequest;
  readonly #context: TransferContext;
  readonly #shown: string;
  readonly #subject: string;
  #activity: Activity | undefined;
  #attempts = 0;
  /** Bytes that were handed out, which no attempt can take back. */
  #delivered = 0;
  /** Whether the server can go on from there. */
  #isResumable = false;
  #isEncoded = false;

  constructor(request: HttpRequest, context: TransferContext) {
    this.#request = request;
    this.#context = context;
    this.#shown = displayUrl(request.url);
    this.#subject = `unable to ${verbOf(request.method)} '${this.#shown}'`;
  }

  async whole(limit: number, memory?: (size: number) => Uint8Array): Promise<HttpAnswer> {
    /** What came before it broke off, and is not asked for again. */
    const parts: Uint8Array[] = [];
    for (;;) {
      const exchanged = await this.begin();
      using _permit = exchanged.permit;
      const { response } = exchanged;
      // A server that knows no ranges sends all again.
      if (response.statusCode !== 206) {
        parts.length = 0;
        this.#delivered = 0;
      }
      try {
        const body = await this.#readWhole(response, { limit: limit - this.#delivered, memory });
        if (body === undefined) throw fileTooLarge(this.#shown, limit);
        return { headers: response.headers, body: parts.length === 0 ? body : Buffer.concat([...parts, body]) };
      } catch (error) {
        exchanged.permit?.[Symbol.dispose]();
        const part = this.#isResumable && !this.#isEncoded ? response.gathered?.() : undefined;
        if (part !== undefined && part.byteLength >= smallestPart) {
          parts.push(Uint8Array.from(part));
          this.#delivered += part.byteLength;
        }
        await this.#beforeNext(error);
      }
    }
  }

  /** Undefined for more than `limit` bytes. */
  async #readWhole(response: ServerAnswer, wish: WholeBody): Promise<Uint8Array | undefined> {
    const isPlain = !this.#isEncoded && this.#context.maxSpeed === 0;
    if (isPlain && hasQuickWay(response)) return readWholeBody(response, wish, this.#readOptions(response));
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#read(response)) {
      size += chunk.byteLength;
      if (size > wish.limit) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async *chunks(first: Exchanged): AsyncGenerator<Uint8Array> {
    let exchanged = first;
    for (;;) {
      using _permit = exchanged.permit;
      try {
        for await (const chunk of this.#continued(exchanged.response)) {
          this.#delivered += chunk.byteLength;
          yield chunk;
        }
        return;
      } catch (error) {
        exchanged.permit?.[Symbol.dispose]();
        try {
          await this.#beforeNext(error);
          exchanged = await this.begin();
        } catch (last) {
          throw last instanceof FailedAttempt ? asStoreError(last) : last;
        }
      }
    }
  }

  /** What was not handed out yet. A server that knows no ranges sends all again. */
  async *#continued(response: ServerAnswer): AsyncGenerator<Uint8Array> {
    const { range } = this.#request;
    const isPart = response.statusCode === 206;
    let skip = isPart ? 0 : (range?.offset ?? 0) + this.#delivered;
    let left = range === undefined ? Infinity : range.length - this.#delivered;
    for await (const chunk of this.#read(response)) {
      const rest = chunk.subarray(skip, skip + left);
      skip -= Math.min(skip, chunk.byteLength);
      left -= rest.byteLength;
      if (rest.byteLength > 0) yield rest;
      if (left === 0) return;
    }
  }

  #read(response: ServerAnswer): AsyncGenerator<Uint8Array> {
    return readBody(response, { ...this.#readOptions(response), maxSpeed: this.#context.maxSpeed });
  }

  #readOptions({ headers }: ServerAnswer): Omit<ReadBodyOptions, 'maxSpeed'> {
    const length = Number(headers['content-length']) || 0;
    return {
      stallTimeout: this.#context.stallTimeout,
      subject: this.#subject,
      signal: this.#request.signal,
      received: count => this.#activity?.progress(count, length),
    };
  }

  /** Resolves with an answer that is a success, after as many attempts as it takes. */
  async begin(): Promise<Exchanged> {
    for (;;) {
      const { permits, smallPermits } = this.#context;
      const isSmall = this.#request.isSmall === true && this.#attempts === 0;
      const permit = await (isSmall ? smallPermits : permits)?.acquire(this.#request.signal);
      this.#activity ??= this.#startActivity();
      try {
        return { response: await this.#attempt(), permit };
      } catch (error) {
        permit?.[Symbol.dispose]();
        await this.#beforeNext(error);
      }
    }
  }

  #startActivity(): Activity {
    const { method } = this.#request;
    const verb = verbOf(method).replace(/e?$/, 'ing');
    return this.#context.reporter.startActivity({
      type: 'fileTransfer',
      level: 'talkative',
      text: () => `${verb} '${this.#shown}'`,
      fields: [this.#shown],
    });
  }

  /** Follows redirects. */
  async #attempt(): Promise<ServerAnswer> {
    let { url } = this.#request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#exchange(url);
      const status = response.statusCode ?? 0;
      this.#isEncoded = isEncoded(response.headers['content-encoding']);
      this.#isResumable = response.headers['accept-ranges']?.trim().toLowerCase() === 'bytes';
      if (successes.has(status)) return response;
      const target = redirectTarget(response, url);
      if (target === undefined) throw await this.#refused(response, status);
      await readComplaint(this.#read(response));
      if (redirects === maxRedirects) throw failedWithinAnswer(this.#subject, status, 'redirects');
      url = target;
    }
  }

  async #exchange(url: URL): Promise<ServerAnswer> {
    const { method, body, signal, identity, sign, isSmall } = this.#request;
    const { connectTimeout, stallTimeout } = this.#context;
    const isOwnServer = url.origin === this.#request.url.origin;
    const headers = this.#headers(url, isOwnServer);
    const proof = isOwnServer ? await sign?.({ method, url, headers, body }) : undefined;
    const request = { method, url, headers: { ...headers, ...proof }, body, isSmall };
    return exchange({
      url,
      call: await this.#route(request, isOwnServer ? identity : undefined),
      connectTimeout,
      stallTimeout,
      subject: this.#subject,
      signal,
      uploaded: count => this.#activity?.progress(count),
    });
  }

  async #route(request: UnsignedRequest, identity: HttpRequest['identity']): Promise<() => HttpCall> {
    try {
      return await this.#context.routes.route(request, identity);
    } catch (error) {
      if (isNearbyError(error)) throw failedBeforeAnswer(this.#subject, 'nearby', messageOf(error), error);
      const detail = `error setting certificate verify locations: ${messageOf(error)}`;
      throw failedBeforeAnswer(this.#subject, 'caFile', detail, error);
    }
  }

  #headers(url: URL, isOwnServer: boolean): Headers {
    const { method, headers, range } = this.#request;
    const offset = (range?.offset ?? 0) + this.#delivered;
    const end = range === undefined ? '' : range.offset + range.length - 1;
    const isPart = range !== undefined || this.#delivered > 0;
    // Parts of what is encoded are of no use.
    const wantsEncoding = !isPart && (method === 'GET' || method === 'HEAD');
    return {
      accept: '*/*',
      'user-agent': this.#context.userAgent,
      ...(wantsEncoding ? { 'accept-encoding': acceptedEncodings } : {}),
      ...(isPart ? { range: `bytes=${offset}-${end}` } : {}),
      ...this.#authorization(url, isOwnServer),
      ...headers,
    };
  }

  /** By the credentials in the URL, else those in the netrc file. */
  #authorization(url: URL, isOwnServer: boolean): Headers {
    if (this.#request.sign !== undefined) return {};
    const { username, password } = this.#request.url;
    const given =
      isOwnServer && username !== ''
        ? { user: decodeURIComponent(username), password: decodeURIComponent(password) }
        : this.#context.netrc().credentials(url.hostname);
    if (given === undefined) return {};
    return { authorization: `Basic ${Buffer.from(`${given.user}:${given.password}`).toString('base64')}` };
  }

  async #refused(response: ServerAnswer, status: number): Promise<FailedAttempt> {
    const complaint = await readComplaint(this.#read(response));
    const shown = complaint === undefined ? '' : `\n\nresponse body:\n\n${complaint}`;
    return new FailedAttempt(kindOfStatus(status), `${this.#subject}: HTTP error ${status}${shown}`, {
      isThrottled: status === 429,
      retryAfter: retryAfterOf(response),
    });
  }

  /** Waits until it is time for the next attempt; throws `error` where there is to be none. */
  async #beforeNext(error: unknown): Promise<void> {
    this.#request.signal?.throwIfAborted();
    if (!(error instanceof FailedAttempt)) throw error;
    const { reporter } = this.#context;
    const isUnresolved = error.kind === 'unresolved';
    const attempts = isUnresolved ? Math.min(this.#context.attempts, maxUnresolved) : this.#context.attempts;
    this.#attempts++;
    const isStuck = this.#delivered > 0 && !(this.#isResumable && !this.#isEncoded);
    if (!(isUnresolved || error.kind === 'transient') || this.#attempts >= attempts || isStuck) throw error;
    const first = error.isThrottled ? firstThrottledDelay : firstDelay;
    const backOff = Math.round(first * 2 ** (this.#attempts - 1 + Math.random() * 0.5));
    const wait = error.retryAfter ?? backOff;
    const from = this.#delivered > 0 ? `from offset ${this.#delivered} ` : '';
    const message = `${error.message}; retrying ${from}in ${wait} ms (attempt ${this.#attempts}/${attempts})`;
    if (isUnresolved) reporter.log('talkative', message);
    else reporter.warn(message);
    await this.#context.pause(wait, this.#request.signal);
  }

  [Symbol.dispose](): void {
    this.#activity?.[Symbol.dispose]();
  }
}

function hasQuickWay(response: ServerAnswer): response is ServerAnswer & Required<Pick<ServerAnswer, 'whole'>> {
  return response.whole !== undefined;
}

/** As the rest of Firn knows it. */
export function asStoreError(failed: FailedAttempt): StoreError {
  return new StoreError('cache/transfer-failed', failed.message, { cause: failed.cause });
}
