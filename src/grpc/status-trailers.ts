import type { IncomingHttpHeaders } from 'node:http2';
import { GrpcStatus, statusNameOf } from './grpc-status.ts';

/** Trailers of what went well. Frozen, as every call shares it. */
export const okTrailers: Readonly<Record<string, string>> = Object.freeze({ 'grpc-status': '0' });

/** Longer messages would break limits of peers on the size of headers. In bytes before they are encoded. */
const maxMessageSize = 4096;
const maxDetailsSize = 6000;

export function trailersOf(status: GrpcStatus): Record<string, string> {
  const trailers: Record<string, string> = { 'grpc-status': String(status.number) };
  if (status.message !== '') trailers['grpc-message'] = encodeMessage(status.message);
  if (status.details !== undefined && status.details.byteLength <= maxDetailsSize) {
    trailers['grpc-status-details-bin'] = Buffer.from(status.details).toString('base64').replace(/=+$/, '');
  }
  return trailers;
}

/** Percent-encoded UTF-8: all but printable ASCII, and the percent sign. */
export function encodeMessage(message: string): string {
  if (message.length <= maxMessageSize && /^[\x20-\x24\x26-\x7e]*$/.test(message)) return message;
  let encoded = '';
  for (const byte of Buffer.from(message.toWellFormed()).subarray(0, maxMessageSize)) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** Never fails: what is wrongly encoded stays as it is. */
export function decodeMessage(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** How a call ended according to its trailers; undefined where they say that it went well. */
export function statusOfTrailers(trailers: IncomingHttpHeaders): GrpcStatus | undefined {
  const text = single(trailers['grpc-status']);
  if (text === undefined) return new GrpcStatus('unknown', 'the server ended the call without a status');
  if (!/^\d{1,9}$/.test(text)) return new GrpcStatus('unknown', `grpc-status is no number: '${text.slice(0, 80)}'`);
  const code = statusNameOf(Number(text));
  if (code === 'ok') return undefined;
  const details = single(trailers['grpc-status-details-bin']);
  const message = decodeMessage(single(trailers['grpc-message']) ?? '');
  return new GrpcStatus(code, message, details === undefined ? {} : { details: Buffer.from(details, 'base64') });
}

/** What HTTP statuses mean where no gRPC status came (doc/http-grpc-status-mapping.md). */
export function statusOfHttp(status: number): GrpcStatus {
  const message = `the server answered with HTTP status ${status}, not in gRPC`;
  if (status === 400) return new GrpcStatus('internal', message);
  if (status === 401) return new GrpcStatus('unauthenticated', message);
  if (status === 403) return new GrpcStatus('permissionDenied', message);
  if (status === 404) return new GrpcStatus('unimplemented', message);
  if ([429, 502, 503, 504].includes(status)) return new GrpcStatus('unavailable', message);
  return new GrpcStatus('unknown', message);
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value[0];
}
