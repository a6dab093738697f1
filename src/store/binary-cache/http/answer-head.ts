import type { IncomingHttpHeaders } from 'node:http';

/** What comes before the body of an answer (RFC 9112, 2 to 5). */
export interface AnswerHead {
  /** 100 and above; those below 200 announce another head. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Whether the connection may be used again after the body. */
  readonly keepsAlive: boolean;
}

/** How the end of a body is told. */
export type BodyFraming =
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** By the end of the connection. */
  | { readonly kind: 'close' };

/** Of which the first counts: others would join them to something else. */
const single: ReadonlySet<string> = new Set(['location', 'retry-after', 'keep-alive']);

/** `text` is latin1, without the empty line at its end. Throws an `Error` for what is no answer of HTTP/1. */
export function parseAnswerHead(text: string): AnswerHead {
  const lines = text.split('\r\n');
  const [, minor, digits] = /^HTTP\/1\.([0-9]) ([1-9][0-9]{2})(?: |$)/.exec(lines[0] ?? '') ?? [];
  if (minor === undefined || digits === undefined) throw malformed('status line');
  const found = new Map<string, string>();
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon <= 0 || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) throw malformed('header');
    const value = line.slice(colon + 1).trim();
    if (/[\0\r\n]/.test(value)) throw malformed('header');
    const earlier = found.get(name);
    if (earlier === undefined) found.set(name, value);
    else if (earlier !== value && !single.has(name)) found.set(name, `${earlier}, ${value}`);
  }
  const wishes = (found.get('connection') ?? '').toLowerCase().split(/\s*,\s*/);
  const keepsAlive = minor === '0' ? wishes.includes('keep-alive') : !wishes.includes('close');
  return { status: Number(digits), headers: Object.fromEntries(found), keepsAlive };
}

/** RFC 9112, 6.3. Throws an `Error` where the head contradicts itself. */
export function bodyFraming({ status, headers }: AnswerHead, isHead: boolean): BodyFraming {
  if (isHead || status === 204 || status === 304) return { kind: 'length', length: 0 };
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (coding !== undefined) {
    // Both together are how one answer is smuggled within another.
    if (coding.trim().toLowerCase() !== 'chunked' || length !== undefined) throw malformed('transfer encoding');
    return { kind: 'chunked' };
  }
  if (length === undefined) return { kind: 'close' };
  const bytes = /^[0-9]+$/.test(length) ? Number(length) : NaN;
  if (!Number.isSafeInteger(bytes)) throw malformed('content length');
  return { kind: 'length', length: bytes };
}

export function malformed(what: string): Error {
  return new Error(`the server sent a malformed ${what}`);
}
