import type { Reporter } from '../../../base/index.ts';
import { StoreError } from '../../error.ts';

export const addressingStyles = ['auto', 'path', 'virtual'] as const;
export type AddressingStyle = (typeof addressingStyles)[number];

export interface S3LocationOptions {
  readonly bucket: string;
  /** Decoded; '' for the whole bucket. */
  readonly prefix: string;
  readonly region: string;
  readonly scheme: string;
  /** A URL, or a host with or without port; '' for that of AWS. */
  readonly endpoint: string;
  readonly style: AddressingStyle;
  readonly reporter: Reporter;
}

/**
 * The URL below which the files of a cache in S3 are; it ends in a slash. A bucket is part of the host where that is
 * asked for, and by AWS unless that is declined; else it begins the path. Throws `store-uri/malformed`.
 */
export function s3Location(options: S3LocationOptions): URL {
  const { bucket, region, scheme, endpoint, prefix } = options;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(bucket))
    throw malformed(options, 'URI has a missing or invalid bucket name');
  const text = endpoint === '' ? `s3.${region}.amazonaws.com` : endpoint;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${scheme}://${text}`);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '')
    throw malformed(options, `the endpoint '${text}' is no URL of http or https`);
  const isVirtual = usesHost(options);
  if (isVirtual) url.hostname = `${bucket}.${url.hostname}`;
  const segments = [...(isVirtual ? [] : [bucket]), ...prefix.split('/').filter(segment => segment !== '')];
  url.pathname = [
    ...url.pathname.split('/').filter(segment => segment !== ''),
    ...segments.map(encodeURIComponent),
    '',
  ].join('/');
  return url;
}

/** Certificates for all buckets of a host are not for names with dots. */
function usesHost({ bucket, endpoint, style, reporter }: S3LocationOptions): boolean {
  const isWanted = endpoint === '' ? style !== 'path' : style === 'virtual';
  if (!isWanted || !bucket.includes('.')) return isWanted;
  if (style === 'virtual') {
    const message = `bucket name '${bucket}' contains a dot, which is incompatible with virtual-hosted-style addressing (causes TLS certificate errors); use 'addressing-style=path' or 'addressing-style=auto' instead`;
    throw new StoreError('store-uri/malformed', message);
  }
  reporter.warn(
    `bucket name '${bucket}' contains a dot; falling back to path-style addressing (virtual-hosted-style requires non-dotted bucket names for TLS certificate validity); set 'addressing-style=path' to silence this warning`,
  );
  return false;
}

function malformed({ bucket }: S3LocationOptions, what: string): StoreError {
  return new StoreError('store-uri/malformed', `cannot use the S3 store 's3://${bucket}': ${what}`);
}
