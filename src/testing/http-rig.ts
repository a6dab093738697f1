import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  createServer,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { dirname, join } from 'node:path';

export interface RecordedRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** What a server does instead of answering as it should. */
export type HttpFault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  /** Closes the connection without a word. */
  | { readonly kind: 'reset' }
  /** Sends so many bytes of the body, then closes the connection or falls silent. */
  | { readonly kind: 'truncate' | 'stall'; readonly after: number }
  /** Knows no parts of files. */
  | { readonly kind: 'whole' };

export interface HttpRigOptions {
  /** What it serves, and where uploads go. */
  readonly folder: string;
  /** Called for each request; `count` is the number of those with the same method and URL before it. */
  readonly fault?: (request: RecordedRequest, count: number) => HttpFault | undefined;
  /** In PEM: serves https. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A server of files on the loopback interface that can be told to misbehave. */
export class HttpRig implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly #options: HttpRigOptions;
  readonly #server: Server;
  readonly #counts = new Map<string, number>();

  private constructor(options: HttpRigOptions) {
    this.#options = options;
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve);
  }

  static async start(options: HttpRigOptions): Promise<HttpRig> {
    const rig = new HttpRig(options);
    await new Promise<void>(resolve => {
      rig.#server.listen(0, '127.0.0.1', resolve);
    });
    return rig;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('the server does not listen');
    return address.port;
  }

  /** Without a slash at its end. */
  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
  }

  /** How often something was asked for. */
  count(method: string, url: string): number {
    return this.requests.filter(request => request.method === method && request.url === url).length;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const recorded = { method, url, headers };
    this.requests.push(recorded);
    const key = `${method} ${url}`;
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    const fault = this.#options.fault?.(recorded, count);
    const body = Buffer.concat(await Array.fromAsync(request, chunk => Buffer.from(chunk)));
    if (fault?.kind === 'reset') {
      response.destroy();
    } else if (fault?.kind === 'answer') {
      response.writeHead(fault.status, fault.headers).end(fault.body);
    } else if (method === 'PUT') {
      this.#put(url, body);
      response.writeHead(201).end();
    } else this.#get(recorded, fault, response);
  }

  #put(url: string, body: Uint8Array): void {
    const path = this.#locate(url);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.tmp`, body);
    renameSync(`${path}.tmp`, path);
  }

  #get({ url, headers, method }: RecordedRequest, fault: HttpFault | undefined, response: ServerResponse): void {
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.#locate(url));
    } catch {
      response.writeHead(404).end();
      return;
    }
    const knowsRanges = fault?.kind !== 'whole';
    const [, from, to = ''] = /^bytes=([0-9]+)-([0-9]*)$/.exec((knowsRanges && headers.range) || '') ?? [];
    const start = Number(from ?? 0);
    const part = bytes.subarray(start, to === '' ? undefined : Number(to) + 1);
    response.writeHead(from === undefined ? 200 : 206, {
      'content-length': part.byteLength,
      ...(knowsRanges ? { 'accept-ranges': 'bytes' } : {}),
      ...(from === undefined
        ? {}
        : { 'content-range': `bytes ${start}-${start + part.byteLength - 1}/${bytes.byteLength}` }),
    });
    if (method === 'HEAD') response.end();
    else if (fault?.kind === 'truncate') {
      response.write(part.subarray(0, fault.after), () => response.destroy());
    } else if (fault?.kind === 'stall') response.write(part.subarray(0, fault.after));
    else response.end(part);
  }

  #locate(url: string): string {
    return join(this.#options.folder, decodeURIComponent(new URL(url, 'http://x').pathname));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise(resolve => {
      this.#server.close(resolve);
    });
    this.#server.closeAllConnections();
    await closed;
  }
}

/** A certificate for 127.0.0.1 that is its own authority, in PEM, made by the openssl program in `folder`. */
export function makeCertificate(folder: string): {
  readonly key: string;
  readonly cert: string;
  readonly certFile: string;
} {
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2', '-nodes'];
  const files = ['-keyout', keyFile, '-out', certFile];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...subject, ...files],
    {
      stdio: 'ignore',
    },
  );
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8'), certFile };
}
