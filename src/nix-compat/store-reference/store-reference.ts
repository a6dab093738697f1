import { type ByteString, brandAs } from '../../base/index.ts';
import { canonicalPath } from '../canonical-path.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { isIpv6 } from '../url/ip-address.ts';
import { formatAuthorityAndPath, formatUrlPath, parseUrl } from '../url/parse-url.ts';
import { type ReportDubious, type UrlQuery, decodeQuery, encodeQuery } from '../url/url-query.ts';

/** What the URI of a store says: which kind, and how it differs from others of its kind. */
export type StoreReference =
  /** Whatever is there: the daemon's store, else the local one. */
  | { readonly kind: 'auto'; readonly params: UrlQuery }
  /** `daemon` and `local`, without parameters. */
  | { readonly kind: 'daemon' | 'local' }
  | {
      readonly kind: 'specified';
      readonly scheme: string;
      /** What follows `scheme://`, percent-encoded. */
      readonly authority: ByteString;
      readonly params: UrlQuery;
    };

export interface ParseStoreReferenceOptions {
  /** Absolute: where relative paths start. */
  readonly workingDirectory: string;
  readonly reportDubious?: ReportDubious;
}

/** Longer texts are no URIs that anybody means. */
const maxReferenceSize = 64 * 1024;

/**
 * Parses `auto`, `daemon`, `local`, the path of a root folder (with a slash in it) or `scheme://…`, each with parameters
 * after a question mark. Throws `store-reference/malformed`, or `url/malformed` for parameters that are none.
 */
export function parseStoreReference(text: ByteString, options: ParseStoreReferenceOptions): StoreReference {
  const { workingDirectory, reportDubious } = options;
  if (text.length > maxReferenceSize) throw malformed(text);
  try {
    const url = parseUrl(text, reportDubious);
    return { kind: 'specified', scheme: url.scheme, authority: formatAuthorityAndPath(url), params: url.query };
  } catch (error) {
    if (!(error instanceof NixCompatError && error.code === 'url/malformed')) throw error;
  }
  const mark = text.indexOf('?');
  const base = mark < 0 ? text : text.slice(0, mark);
  const params = decodeQuery(brandAs<ByteString>(mark < 0 ? '' : text.slice(mark + 1)), reportDubious);
  const empty = brandAs<ByteString>('');
  if (base === '' || base === 'auto') return { kind: 'auto', params };
  if (base === 'daemon' || base === 'local') {
    if (params.size === 0) return { kind: base };
    return { kind: 'specified', scheme: base === 'daemon' ? 'unix' : 'local', authority: empty, params };
  }
  if (!base.includes('://') && base.includes('/')) {
    const path = canonicalPath(base.startsWith('/') ? base : `${workingDirectory}/${base}`);
    const segments = path === '/' ? ['', ''] : path.split('/');
    const authority = formatUrlPath(segments.map(brandAs<ByteString>));
    return { kind: 'specified', scheme: 'local', authority, params };
  }
  const bare = bareIpv6(base);
  if (bare !== undefined) return { kind: 'specified', ...bare, params };
  throw malformed(text);
}

/** `scheme://[user@]address[%zone]`: addresses of version 6 were once written without brackets, zones without encoding. */
function bareIpv6(base: string): { readonly scheme: string; readonly authority: ByteString } | undefined {
  const [, scheme, user = '', host = ''] = /^([^:]*):(?:\/\/)?(?:([^@]*)@)?(.*)$/s.exec(base) ?? [];
  if (scheme === undefined) return undefined;
  const inner = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const percent = inner.indexOf('%');
  const address = percent < 0 ? inner : inner.slice(0, percent);
  if (!isIpv6(address)) return undefined;
  const zone = percent < 0 ? '' : `%25${inner.slice(percent + 1)}`;
  const account = base.includes('@') ? `${user}@` : '';
  return { scheme, authority: brandAs<ByteString>(`${account}[${address}${zone}]`) };
}

/** The URI that means `reference`. */
export function formatStoreReference(reference: StoreReference): ByteString {
  const base = reference.kind === 'specified' ? `${reference.scheme}://${reference.authority}` : reference.kind;
  const params = 'params' in reference ? encodeQuery(reference.params) : '';
  return brandAs<ByteString>(params === '' ? base : `${base}?${params}`);
}

function malformed(text: ByteString): NixCompatError {
  return new NixCompatError('store-reference/malformed', `Cannot parse Nix store '${excerpt(text)}'`);
}
