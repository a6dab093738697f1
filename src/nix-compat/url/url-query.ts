import { type ByteString, brandAs } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { decodePercent, encodePercent } from './percent-encoding.ts';

/** The parameters of a URL, in ascending order of their names. */
export type UrlQuery = ReadonlyMap<ByteString, ByteString>;

/** Told of a parameter that has no equals sign and therefore counts for nothing. */
export type ReportDubious = (parameter: ByteString) => void;

/** RFC 3986 section 3.4, and what C++ Nix takes beside it: brackets, blanks and quotes. */
const queryText = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\] "]|%[0-9A-Fa-f]{2})*$/;

/** Of several parameters with one name the first counts. Throws `url/malformed`. */
export function decodeQuery(text: ByteString, reportDubious: ReportDubious = () => {}): UrlQuery {
  if (!queryText.test(text))
    throw new NixCompatError('url/malformed', `invalid URI query '${excerpt(text)}': leftover`);
  const query = new Map<ByteString, ByteString>();
  for (const part of text === '' ? [] : text.split('&')) {
    const equals = part.indexOf('=');
    const name = decodePercent(brandAs<ByteString>(equals < 0 ? part : part.slice(0, equals)));
    if (equals < 0) reportDubious(name);
    else if (!query.has(name)) query.set(name, decodePercent(brandAs<ByteString>(part.slice(equals + 1))));
  }
  return new Map([...query].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const keptInQuery = /[:@/?]/;

/** `a=b&c=d` */
export function encodeQuery(query: UrlQuery): ByteString {
  const parts = Array.from(query, ([name, value]) => {
    return `${encodePercent(name, keptInQuery)}=${encodePercent(value, keptInQuery)}`;
  });
  return brandAs<ByteString>(parts.join('&'));
}
