import { asBuffer } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';

const notDigit = /[^A-Za-z0-9+/\n]/;

/** With padding, RFC 4648 section 4. */
export function encodeBase64(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64');
}

/** Length of `encodeBase64`'s result for `size` bytes. */
export function base64Length(size: number): number {
  return Math.ceil(size / 3) * 4;
}

/**
 * As lenient as C++ Nix, whose hashes, keys and signatures in the wild rely on it: padding may be missing, all from
 * the first `=` on is ignored, newlines are skipped, and so are bits beyond the last whole byte. Throws
 * `hash/bad-character`.
 */
export function decodeBase64(text: string): Uint8Array {
  const padding = text.indexOf('=');
  const digits = padding < 0 ? text : text.slice(0, padding);
  const offset = digits.search(notDigit);
  if (offset >= 0) {
    const message = `invalid character in Base64 string: '${digits.charAt(offset)}'`;
    throw new NixCompatError('hash/bad-character', message, { offset });
  }
  return Buffer.from(digits, 'base64');
}
