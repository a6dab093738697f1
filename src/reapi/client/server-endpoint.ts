import type { ServerAddress } from '../../grpc/index.ts';
import { ReapiError } from '../error.ts';

/** Where a server listens, and which of its instances is meant. */
export interface ServerEndpoint {
  readonly address: ServerAddress;
  /** Empty for the one without a name. */
  readonly instance: string;
}

/** Where servers of remote execution are by habit. */
const defaultPort = 8980;

/**
 * `grpc://host[:port][/instance]` (8980 unless given), `grpcs://host[:port][/instance]` (443) or `unix:///path/of/socket`. Throws
 * `endpoint/malformed`.
 */
export function parseEndpoint(text: string): ServerEndpoint {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) return { address: { transport: 'unix', path: rest }, instance: '' };
  if (scheme !== 'grpc' && scheme !== 'grpcs') throw malformed(text);
  const [, bracketed, plain, digits, instance = ''] =
    /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:/[\]@]+))(?::([0-9]{1,5}))?(?:\/(.*))?$/s.exec(rest) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? (scheme === 'grpcs' ? 443 : defaultPort) : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) throw malformed(text);
  const tls = scheme === 'grpcs' ? {} : undefined;
  return { address: { transport: 'tcp', host, port, tls }, instance: instance.replace(/\/+$/, '') };
}

function malformed(text: string): ReapiError {
  const message = `'${text.slice(0, 300)}' is no address of a server: grpc://HOST, grpcs://HOST or unix:///PATH`;
  return new ReapiError('endpoint/malformed', message);
}
