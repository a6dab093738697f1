import type { CallOptions } from '../../../castore/index.ts';
import type { UploadContent } from '../cache-transport.ts';
import type { ByteRange } from '../../file-chunks.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';

export type Headers = Readonly<Record<string, string>>;

/** What a client is asked to do. */
export interface HttpRequest extends CallOptions {
  readonly method: HttpMethod;
  /** `http:` or `https:`. */
  readonly url: URL;
  readonly headers?: Headers;
  readonly body?: UploadContent;
  readonly range?: ByteRange | undefined;
  /** Whether the answer is known to be small, so that others may be asked for on the same connection before it has come. */
  readonly isSmall?: boolean | undefined;
  /** For https, in PEM: who the client is, told to the server of `url` alone. */
  readonly identity?: ClientIdentity | undefined;
  /** Makes the headers that prove who asks, for each attempt and for the server of `url` alone. */
  readonly sign?: SignRequest | undefined;
}

export interface ClientIdentity {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export interface UnsignedRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: UploadContent | undefined;
  readonly isSmall?: boolean | undefined;
}

export type SignRequest = (request: UnsignedRequest) => Promise<Headers>;

const verbs: Readonly<Record<HttpMethod, string>> = {
  GET: 'download',
  HEAD: 'download',
  PUT: 'upload',
  POST: 'upload',
  DELETE: 'delete',
};

/** `download`, `upload` or `delete`. */
export function verbOf(method: HttpMethod): string {
  return verbs[method];
}

/** Without the password that it may have. */
export function displayUrl(url: URL): string {
  if (url.password === '') return url.href;
  const shown = new URL(url);
  shown.password = '';
  return shown.href;
}
