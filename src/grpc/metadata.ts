import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { GrpcStatus } from './grpc-status.ts';

/** What a call's sender said beside its messages. Names are in lower case; values of names in `-bin` are bytes. */
export class Metadata {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders = {}) {
    this.#headers = headers;
  }

  /** Several values of one name come joined by `, `. */
  get(name: string): string | undefined {
    const value = this.#headers[name];
    return typeof value === 'string' || value === undefined ? value : value.join(', ');
  }

  /** The last value of a `-bin` name. */
  getBinary(name: string): Uint8Array | undefined {
    const last = this.get(name)?.split(',').at(-1)?.trim();
    return last === undefined ? undefined : Buffer.from(last, 'base64');
  }
}

/** What a caller says beside its messages; bytes for names in `-bin`. */
export type MetadataValues = Readonly<Record<string, string | Uint8Array>>;

/** As HTTP/2 headers. Throws `invalidArgument` for what no header can say. */
export function headersOf(values: MetadataValues): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(values)) {
    const isBinary = name.endsWith('-bin');
    if (!/^[0-9a-z_.-]+$/.test(name) || name.startsWith('grpc-') || isBinary !== (typeof value !== 'string')) {
      throw new GrpcStatus('invalidArgument', `no name and value of metadata: '${name}'`);
    }
    headers[name] = typeof value === 'string' ? value : Buffer.from(value).toString('base64').replace(/=+$/, '');
  }
  return headers;
}
