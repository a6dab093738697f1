import { asBuffer } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';

const notDigit = /[^0-9a-fA-F]/;

/** Lower-case base16. */
export function encodeBase16(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex');
}

/** Takes digits of either case. Throws `hash/bad-character` or, for an odd number of digits, `hash/bad-length`. */
export function decodeBase16(text: string): Uint8Array {
  const offset = text.search(notDigit);
  if (offset >= 0) {
    const message = `invalid character in Base16 string: '${text.charAt(offset)}'`;
    throw new NixCompatError('hash/bad-character', message, { offset });
  }
  if (text.length % 2 !== 0) {
    const message = `Base16 string has an odd number of digits: ${text.length}`;
    throw new NixCompatError('hash/bad-length', message, { offset: text.length });
  }
  return Buffer.from(text, 'hex');
}
