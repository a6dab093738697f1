import type { Reporter } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { StoreError } from '../error.ts';
import type {
  CacheTransport,
  GetFileOptions,
  OpenFileOptions,
  PutFileOptions,
  UploadContent,
} from './cache-transport.ts';
import type { HttpClient, HttpOutcome } from './http/http-client.ts';
import type { ClientIdentity, Headers, HttpRequest, SignRequest } from './http/http-request.ts';

/** Where a file of the cache is, and how to be let in there. */
export interface FileAddress {
  readonly url: URL;
  readonly identity?: ClientIdentity | undefined;
  readonly sign?: SignRequest | undefined;
}

export interface HttpTransportOptions {
  /** What messages call the cache. */
  readonly uri: string;
  readonly client: HttpClient;
  /** Throws `cache/bad-path` for what is outside of the cache. */
  readonly address: (path: string) => FileAddress;
  /** Whether a cache that fails is left alone for a while, for the sake of those that have other places to go to. */
  readonly disablesItself: boolean;
  readonly reporter: Reporter;
}

/** Seconds for which a cache that failed is not asked. */
const disabledFor = 60;

/** Bytes of answers to uploads that are read. */
const maxAnswerSize = 1024 * 1024;

/** A binary cache behind HTTP. Servers that refuse to say whether a file is there count as not having it. */
export class HttpTransport implements CacheTransport {
  readonly stagingFolder = undefined;
  readonly isFar = true;
  readonly #options: HttpTransportOptions;
  /** A time of `performance.now()`. */
  #disabledUntil: number | undefined;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
  }

  async exists(path: string, { signal }: CallOptions = {}): Promise<boolean> {
    const { url, ...access } = this.#options.address(path);
    const outcome = await this.#attempt(client => client.fetch({ method: 'HEAD', url, ...access, signal }, 0));
    return outcome.kind === 'found';
  }

  async get(path: string, options: GetFileOptions): Promise<Uint8Array | undefined> {
    const { signal, limit, memory, isSmall, refusalIsError = false } = options;
    const address = this.#options.address(path);
    const outcome = await this.#attempt(client =>
      client.fetch({ method: 'GET', ...address, signal, isSmall }, limit, memory),
    );
    if (outcome.kind === 'found') return outcome.value.body;
    if (outcome.kind === 'forbidden' && refusalIsError) throw this.#failed(outcome.error);
    return undefined;
  }

  async open(path: string, { range, signal }: OpenFileOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    const address = this.#options.address(path);
    const outcome = await this.#attempt(client => client.open({ method: 'GET', ...address, range, signal }));
    return outcome.kind === 'found' ? this.#watched(outcome.value) : undefined;
  }

  async put(path: string, content: UploadContent, options: PutFileOptions): Promise<void> {
    await this.send({ method: 'PUT', ...this.#options.address(path), body: content }, options);
  }

  /** Makes a request that changes something and returns the answer. Throws `cache/transfer-failed`. */
  async send(
    request: Omit<HttpRequest, 'headers' | 'signal'>,
    { mimeType, headers, signal }: PutFileOptions,
  ): Promise<{ readonly headers: NodeJS.Dict<string | string[]>; readonly body: Uint8Array }> {
    const all: Headers = { 'content-type': mimeType, ...headers };
    const outcome = await this.#options.client.fetch({ ...request, headers: all, signal }, maxAnswerSize);
    if (outcome.kind === 'found') return outcome.value;
    throw outcome.error;
  }

  async #attempt<T>(work: (client: HttpClient) => Promise<HttpOutcome<T>>): Promise<HttpOutcome<T>> {
    this.#checkEnabled();
    try {
      return await work(this.#options.client);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async *#watched(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #checkEnabled(): void {
    if (this.#disabledUntil === undefined) return;
    if (performance.now() < this.#disabledUntil) {
      throw new StoreError('cache/disabled', `substituter '${this.#options.uri}' is disabled`);
    }
    this.#disabledUntil = undefined;
    this.#options.reporter.log('debug', `re-enabling binary cache '${this.#options.uri}'`);
  }

  /** Notes what a failure means for the cache, and returns it. */
  #failed(error: unknown): unknown {
    const { disablesItself, reporter, uri } = this.#options;
    const isTransfer = error instanceof StoreError && error.code === 'cache/transfer-failed';
    if (isTransfer && disablesItself && this.#disabledUntil === undefined) {
      this.#disabledUntil = performance.now() + disabledFor * 1000;
      reporter.log('error', `disabling binary cache '${uri}' for ${disabledFor} seconds`);
    }
    return error;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Paths in narinfos may be URLs of other servers, but nothing that is above the cache on its own. */
export function resolveUrl(path: string, base: URL): URL {
  const folder = new URL(base);
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  const url = URL.parse(path, folder);
  const isAbsolute = /^https?:\/\//i.test(path);
  if (url === null || !(isAbsolute || url.href.startsWith(folder.href))) {
    throw new StoreError('cache/bad-path', `'${path}' is not a path within the binary cache '${folder.href}'`);
  }
  return url;
}
