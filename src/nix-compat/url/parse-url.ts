import { type ByteString, brandAs } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { isIpv4, isIpv6 } from './ip-address.ts';
import { decodePercent, encodePercent } from './percent-encoding.ts';
import { type ReportDubious, type UrlQuery, decodeQuery } from './url-query.ts';

/** RFC 3986, with every part decoded. */
export interface ParsedUrl {
  readonly scheme: string;
  readonly authority: UrlAuthority | undefined;
  /** The segments between slashes: an absolute path begins with an empty one. */
  readonly path: readonly ByteString[];
  readonly query: UrlQuery;
  readonly fragment: ByteString;
}

export interface UrlAuthority {
  readonly user: ByteString | undefined;
  readonly password: ByteString | undefined;
  /** Of addresses of version 6, without their brackets. */
  readonly host: ByteString;
  readonly hostType: 'name' | 'ipv4' | 'ipv6' | 'future';
  readonly port: number | undefined;
}

// Appendix B of RFC 3986, with the scheme being needed.
const parts = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;

const pathText = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;
/** Beside what RFC 3986 has, what C++ Nix takes: blanks, quotes and carets. */
const fragmentText = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?# "^]|%[0-9A-Fa-f]{2})*$/;

/** Parses an absolute URL as leniently as C++ Nix does. Throws `url/malformed`. */
export function parseUrl(text: ByteString, reportDubious?: ReportDubious): ParsedUrl {
  const [, scheme, authorityText, pathOnly = '', query = '', fragment = ''] = parts.exec(text) ?? [];
  if (scheme === undefined || !pathText.test(pathOnly) || !fragmentText.test(fragment)) throw malformed(text);
  const isFile = scheme.slice(scheme.indexOf('+') + 1) === 'file';
  const authority = authorityText === undefined ? undefined : parseAuthority(authorityText, text);
  // RFC 8089: a file is on this machine.
  if (isFile && authority !== undefined && authority.host !== '') throw malformed(text);
  const path = isFile && pathOnly === '' ? '/' : pathOnly;
  return {
    scheme,
    authority,
    path: path.split('/').map(segment => decodePercent(brandAs<ByteString>(segment))),
    query: decodeQuery(brandAs<ByteString>(query), reportDubious),
    fragment: decodePercent(brandAs<ByteString>(fragment)),
  };
}

const authorityParts = /^(?:([^@]*)@)?(\[[^\]]*\]|[^:[\]]*)(?::([0-9]*))?$/;
const userText = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*$/;
const nameText = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;
const futureText = /^v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+$/i;

function parseAuthority(authority: string, url: ByteString): UrlAuthority {
  const [, userInfo, host, port = ''] = authorityParts.exec(authority) ?? [];
  if (host === undefined || (userInfo !== undefined && !userText.test(userInfo))) throw malformed(url);
  const colon = userInfo?.indexOf(':') ?? -1;
  const number = port === '' ? undefined : Number(port);
  if (number !== undefined && (number === 0 || number > 0xffff)) throw malformed(url);
  return {
    user: decodeOptional(colon < 0 ? userInfo : userInfo?.slice(0, colon)),
    password: decodeOptional(colon < 0 ? undefined : userInfo?.slice(colon + 1)),
    ...parseHost(host, url),
    port: number,
  };
}

function decodeOptional(part: string | undefined): ByteString | undefined {
  return part === undefined ? undefined : decodePercent(brandAs<ByteString>(part));
}

function parseHost(text: string, url: ByteString): Pick<UrlAuthority, 'host' | 'hostType'> {
  if (!text.startsWith('[')) {
    if (!nameText.test(text)) throw malformed(url);
    return { host: decodePercent(brandAs<ByteString>(text)), hostType: isIpv4(text) ? 'ipv4' : 'name' };
  }
  const literal = text.slice(1, -1);
  if (futureText.test(literal)) return { host: brandAs<ByteString>(literal), hostType: 'future' };
  // RFC 6874: a zone follows an encoded percent sign.
  const [, address = '', zone] = /^([^%]*)(%25(?:[A-Za-z0-9\-._~]|%[0-9A-Fa-f]{2})+)?$/.exec(literal) ?? [];
  if (!isIpv6(address)) throw malformed(url);
  return { host: decodePercent(brandAs<ByteString>(address + (zone ?? ''))), hostType: 'ipv6' };
}

/** What is between `scheme://` and the query, encoded as C++ Nix does. */
export function formatAuthorityAndPath({ authority, path }: Pick<ParsedUrl, 'authority' | 'path'>): ByteString {
  return brandAs<ByteString>(`${authority === undefined ? '' : formatAuthority(authority)}${formatUrlPath(path)}`);
}

export function formatUrlPath(path: readonly ByteString[]): ByteString {
  return brandAs<ByteString>(path.map(segment => encodePercent(segment, /[:@]/)).join('/'));
}

function formatAuthority({ user, password, host, hostType, port }: UrlAuthority): string {
  const secret = password === undefined ? '' : `:${encodePercent(password)}`;
  const account = user === undefined ? '' : `${encodePercent(user)}${secret}@`;
  const isBracketed = hostType === 'ipv6' || hostType === 'future';
  const place = isBracketed ? `[${encodePercent(host, /:/)}]` : encodePercent(host);
  return `${account}${place}${port === undefined ? '' : `:${port}`}`;
}

function malformed(url: ByteString): NixCompatError {
  return new NixCompatError('url/malformed', `'${excerpt(url)}' is not a valid URL`);
}
