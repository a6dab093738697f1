import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Reporter, errnoOf, systemErrorText } from '../base/index.ts';
import type { CallOptions } from '../castore/index.ts';
import type { ReadableSettings } from '../nix-compat/index.ts';
import type { Variables } from './binary-cache/http/http-routes.ts';
import type { ClientIdentity } from './binary-cache/http/http-request.ts';
import { sharedHttpClient } from './binary-cache/http-clients.ts';
import { openS3Object } from './binary-cache/s3/open-s3-object.ts';
import { StoreError } from './error.ts';

export interface DownloadOptions extends CallOptions {
  readonly settings: ReadableSettings;
  readonly reporter: Reporter;
  readonly access?: DownloadAccess | undefined;
}

/** How a server is reached and what it is told, where that is not what settings and environment say. */
export interface DownloadAccess {
  /** Of the header `Authorization`: a secret, told to the server of the URL alone. */
  readonly authorization?: string | undefined;
  /** Further headers, told to the server of the URL alone, in place of what a netrc file says. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly identity?: ClientIdentity | undefined;
  /** In place of the environment's, as curl knows the variables: `https_proxy`. */
  readonly proxies?: Variables | undefined;
  /** Certificates of authorities, in PEM. */
  readonly caFile?: string | undefined;
  /** Whether servers of this machine and on its links are not asked, nor its files: for downloads that others ask for. */
  readonly isDistant?: boolean | undefined;
}

/**
 * What is at a URL of scheme `http`, `https`, `s3` or `file`, in chunks that are the caller's to keep. Throws
 * `cache/transfer-failed`, `cache/missing-file`, `cache/access-denied`, and `store/unsupported` for other schemes.
 */
export async function openDownload(url: URL, options: DownloadOptions): Promise<AsyncIterable<Uint8Array>> {
  const { signal } = options;
  switch (url.protocol) {
    case 'http:':
    case 'https:': {
      const { authorization, headers, identity } = options.access ?? {};
      const all = { ...headers, ...(authorization === undefined ? {} : { authorization }) };
      // Who gives headers wants no others: those of the netrc file are for this machine's users.
      const isTold = headers !== undefined || authorization !== undefined;
      const sign = isTold ? () => Promise.resolve(all) : undefined;
      const outcome = await sharedHttpClient(options).open({ method: 'GET', url, signal, identity, sign });
      if (outcome.kind === 'found') return outcome.value;
      const { kind, error } = outcome;
      const code = kind === 'absent' ? 'cache/missing-file' : 'cache/access-denied';
      throw new StoreError(code, error.message, { cause: error.cause });
    }
    case 's3:':
      return openS3Object(url, options);
    case 'file:':
      if (options.access?.isDistant === true) throw unsupported(url);
      return readFile(url, signal);
    default:
      throw unsupported(url);
  }
}

function unsupported(url: URL): StoreError {
  const scheme = url.protocol.slice(0, -1);
  return new StoreError('store/unsupported', `cannot download '${url.href}': the scheme '${scheme}' is not supported`);
}

async function* readFile(url: URL, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
  const stream = createReadStream(fileURLToPath(url), { signal });
  try {
    for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk;
  } catch (cause) {
    signal?.throwIfAborted();
    // In curl's words, where it has some.
    const isUnreadable = errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'EACCES';
    const reason = isUnreadable
      ? `Could not read a file:// file (37) Could not open file ${fileURLToPath(url)}`
      : systemErrorText(cause);
    const message = `unable to download '${url.href}': ${reason}`;
    throw new StoreError('cache/transfer-failed', message, { cause });
  }
}
