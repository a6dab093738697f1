import type { Http2Session } from 'node:http2';
import { TLSSocket } from 'node:tls';

/** Who is at the other end of a connection, as far as the connection itself says. */
export interface Peer {
  /** For people: `HOST:PORT`, or `unix` for a socket in the file system. */
  readonly address: string;
  readonly transport: 'tcp' | 'unix';
  /** The common name of the certificate that was verified (mutual TLS). */
  readonly certificateName: string | undefined;
}

export function peerOf(session: Http2Session): Peer {
  const { socket } = session;
  const { remoteAddress, remotePort } = socket;
  const certificateName = socket instanceof TLSSocket && socket.authorized ? nameOf(socket) : undefined;
  if (remoteAddress === undefined) return { address: 'unix', transport: 'unix', certificateName };
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  return { address: `${host}:${remotePort ?? 0}`, transport: 'tcp', certificateName };
}

function nameOf(socket: TLSSocket): string | undefined {
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
}
