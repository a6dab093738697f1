import { type ByteString, brandAs } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';

/** RFC 3986 section 2.3: what never needs encoding. */
const unreserved = 'A-Za-z0-9\\-._~';

/** Encodes every byte that is neither unreserved nor one of `keep`. */
export function encodePercent(bytes: ByteString, keep: RegExp = keepNothing): ByteString {
  return brandAs<ByteString>(
    bytes.replaceAll(reserved, char => {
      return keep.test(char) ? char : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
    }),
  );
}

const keepNothing = /(?!)/;
const reserved = new RegExp(`[^${unreserved}]`, 'gs');

/** Throws `url/malformed` where a percent sign is not followed by two hexadecimal digits. */
export function decodePercent(text: ByteString): ByteString {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) {
    throw new NixCompatError('url/malformed', `invalid URI parameter '${excerpt(text)}': bad percent-encoding`);
  }
  const decoded = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return brandAs<ByteString>(decoded);
}
