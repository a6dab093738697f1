import { createHash, createHmac } from 'node:crypto';
import type { UnsignedRequest } from '../http/http-request.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface SignOptions {
  readonly credentials: AwsCredentials;
  readonly region: string;
  readonly service: string;
  readonly now: Date;
}

const algorithm = 'AWS4-HMAC-SHA256';

/**
 * The headers that prove who makes a request: AWS Signature Version 4. All other headers of the request are signed, too,
 * but for those that are made on the way. What a file has in it is not: the connection, and the MD5 sums that go along,
 * see to that.
 */
export function signRequest(request: UnsignedRequest, options: SignOptions): Record<string, string> {
  const { credentials, region, service, now } = options;
  const time = now.toISOString().replaceAll(/[-:]|\.[0-9]+/g, '');
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const contentHash = request.body === undefined ? sha256('') : hashOfBody(request.body);
  const added: Record<string, string> = {
    'x-amz-content-sha256': contentHash,
    'x-amz-date': time,
    ...(credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken }),
  };
  const signed = Object.entries({ host: request.url.host, ...request.headers, ...added })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replaceAll(/ +/g, ' ')] as const)
    .filter(([name]) => !unsigned.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(';');
  const canonical = [
    request.method,
    canonicalPath(request.url),
    canonicalQuery(request.url),
    ...signed.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    contentHash,
  ].join('\n');
  const text = [algorithm, time, scope, sha256(canonical)].join('\n');
  const key = [time.slice(0, 8), region, service, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${credentials.secretAccessKey}`,
  );
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const authorization = `${algorithm} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...added, authorization };
}

/** Proxies may change these, and Node adds to them. */
const unsigned: ReadonlySet<string> = new Set(['accept-encoding', 'connection', 'content-length', 'user-agent']);

function hashOfBody(body: NonNullable<UnsignedRequest['body']>): string {
  return 'bytes' in body ? sha256(body.bytes) : 'UNSIGNED-PAYLOAD';
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** Segments encoded once: S3 does not do it twice, as other services do. */
function canonicalPath(url: URL): string {
  return url.pathname
    .split('/')
    .map(segment => encode(decodeURIComponent(segment)))
    .join('/');
}

function canonicalQuery(url: URL): string {
  const pairs = [...url.searchParams].map(([name, value]) => [encode(name), encode(value)] as const);
  return pairs
    .toSorted(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** All but RFC 3986's unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
