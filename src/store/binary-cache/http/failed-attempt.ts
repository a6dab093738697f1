import { errnoOf, messageOf, systemErrorText } from '../../../base/index.ts';
import { isNearbyError } from './public-servers.ts';

/**
 * Why an attempt failed, as far as that matters for what comes next: `absent` and `forbidden` tell of the file,
 * `permanent` would happen again, `transient` perhaps not, and `unresolved` hardly: the host has no address, because its
 * name is wrong or this machine has no network.
 */
export type FailureKind = 'absent' | 'forbidden' | 'permanent' | 'transient' | 'unresolved';

/** An attempt at a transfer that failed. The client turns the last one into a `StoreError`. */
export class FailedAttempt extends Error {
  readonly kind: FailureKind;
  /** What the server asks to wait before the next attempt, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** Whether the server is busy and says so: the next attempt then comes much later. */
  readonly isThrottled: boolean;

  constructor(
    kind: FailureKind,
    message: string,
    options: ErrorOptions & { readonly retryAfter?: number | undefined; readonly isThrottled?: boolean } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.retryAfter = options.retryAfter;
    this.isThrottled = options.isThrottled ?? false;
  }
}

/** As C++ Nix has it: most of what a client did wrong would be wrong again, most of what a server did would not. */
export function kindOfStatus(status: number): FailureKind {
  if (status === 404 || status === 410) return 'absent';
  if (status === 401 || status === 403 || status === 407) return 'forbidden';
  if (status === 408 || status === 429) return 'transient';
  // Not implemented, version not supported, a captive portal.
  if ((status >= 400 && status < 500) || status === 501 || status === 505 || status === 511) return 'permanent';
  return 'transient';
}

/** What libcurl calls what may go wrong on the way, and its number for it: users know C++ Nix's messages by these. */
const curlErrors = {
  resolve: [6, 'Could not resolve hostname', 'unresolved'],
  connect: [7, 'Could not connect to server', 'transient'],
  nearby: [7, 'Could not connect to server', 'forbidden'],
  partial: [18, 'Transferred a partial file', 'transient'],
  timeout: [28, 'Timeout was reached', 'transient'],
  tls: [35, 'SSL connect error', 'transient'],
  redirects: [47, 'Number of redirects hit maximum amount', 'permanent'],
  empty: [52, 'Server returned nothing (no headers, no data)', 'transient'],
  send: [55, 'Failed sending data to the peer', 'transient'],
  receive: [56, 'Failure when receiving data from the peer', 'transient'],
  certificate: [60, 'SSL peer certificate or SSH remote key was not OK', 'transient'],
  encoding: [61, 'Unrecognized or bad HTTP Content or Transfer-Encoding', 'permanent'],
  caFile: [77, 'Problem with the SSL CA cert (path? access rights?)', 'permanent'],
} as const satisfies { readonly [name: string]: readonly [number: number, text: string, kind: FailureKind] };

export type CurlError = keyof typeof curlErrors;

/** Before there was an answer. `subject` is `unable to download 'URL'`. */
export function failedBeforeAnswer(subject: string, error: CurlError, detail: string, cause?: unknown): FailedAttempt {
  const [number, text, kind] = curlErrors[error];
  return new FailedAttempt(kind, `${subject}: ${text} (${number}) ${detail}`, { cause });
}

/** With an answer that was fine so far, or a redirect. */
export function failedWithinAnswer(subject: string, status: number, error: CurlError, cause?: unknown): FailedAttempt {
  const [, text, kind] = curlErrors[error];
  return new FailedAttempt(kind, `${subject}: HTTP error ${status} (curl error: ${text})`, { cause });
}

/** What a socket's error means to one who was connecting, or waiting for an answer. */
export function classifySocketError(error: unknown, isConnected: boolean): CurlError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (isNearbyError(error)) return 'nearby';
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'resolve';
  if (/CERT|SELF_SIGNED|VERIFY|ISSUER/.test(code)) return 'certificate';
  if (/^(?:EPROTO|ERR_SSL_|ERR_TLS_)/.test(code)) return 'tls';
  if (!isConnected) return 'connect';
  if (code === 'ECONNRESET') return 'empty';
  return code === 'EPIPE' ? 'send' : 'receive';
}

/** In the system's words where it has some. */
export function detailOf(error: unknown): string {
  return errnoOf(error) === undefined ? messageOf(error) : systemErrorText(error);
}
