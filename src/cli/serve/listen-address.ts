import type { ListenAddress, TlsIdentity } from '../../grpc/index.ts';
import { CliError } from '../error.ts';

/** `HOST:PORT`, `[V6]:PORT`, or `unix:PATH` (absolute). Throws `usage/bad-value`, naming `option`. */
export function parseListenAddress(text: string, option: string, tls?: TlsIdentity): ListenAddress {
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { transport: 'unix', path };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new CliError('usage/bad-value', `${option}: '${text}' is no address: HOST:PORT, [V6]:PORT or unix:/PATH is`);
  }
  return { transport: 'tcp', host, port, tls };
}

/** As `parseListenAddress` reads it. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.transport === 'unix') return `unix:${address.path}`;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}
