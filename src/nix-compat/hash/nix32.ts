import { NixCompatError } from '../error.ts';

/** Base 32 without `e`, `o`, `u` and `t`, so that hashes do not spell words. */
export const nix32Alphabet = '0123456789abcdfghijklmnpqrsvwxyz';

const digits = Buffer.from(nix32Alphabet, 'latin1');
const invalid = 0xff;
const values = new Uint8Array(256).fill(invalid);
digits.forEach((digit, value) => (values[digit] = value));

/** Number of digits for `size` bytes. */
export function nix32Length(size: number): number {
  return Math.ceil((size * 8) / 5);
}

// Room for the digits of the longest digest, 64 bytes.
const scratch = Buffer.allocUnsafeSlow(nix32Length(64));

/**
 * The bytes as one little-endian number in base 32, most significant digit first. So the last digits stem from the
 * first bytes, which is why we go backwards through the digits here and in the decoder.
 */
export function encodeNix32(bytes: Uint8Array): string {
  const length = nix32Length(bytes.length);
  const out = length <= scratch.length ? scratch : Buffer.allocUnsafe(length);
  let at = length;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < bytes.length; i++) {
    held |= (bytes[i] ?? 0) << bits;
    bits += 8;
    while (bits >= 5) {
      out[--at] = digits[held & 31] ?? 0;
      held >>>= 5;
      bits -= 5;
    }
  }
  if (bits > 0) out[--at] = digits[held] ?? 0;
  return out.toString('latin1', 0, length);
}

/**
 * Throws `hash/bad-character` for anything outside the alphabet, `hash/bad-length` for a number of digits that encodes
 * no whole number of bytes, and `hash/bad-padding` when the first digit has bits that belong to no byte.
 */
export function decodeNix32(text: string): Uint8Array {
  const size = Math.floor((text.length * 5) / 8);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    const value = values[text.charCodeAt(i)] ?? invalid;
    if (value === invalid) {
      const message = `invalid character in Nix32 (Nix's Base32 variation) string: '${text.charAt(i)}'`;
      throw new NixCompatError('hash/bad-character', message, { offset: i });
    }
    held |= value << bits;
    bits += 5;
    if (bits >= 8) {
      bytes[at++] = held;
      held >>>= 8;
      bits -= 8;
    }
  }
  if (text.length !== nix32Length(size)) {
    const message = `no whole number of bytes has ${text.length} Nix32 digits`;
    throw new NixCompatError('hash/bad-length', message, { offset: text.length });
  }
  if (held !== 0) {
    throw new NixCompatError('hash/bad-padding', `Nix32 string encodes more than ${size} bytes`, { offset: 0 });
  }
  return bytes;
}

/** Index of the first character of `text` outside the alphabet, or -1. */
export function findNotNix32(text: string): number {
  for (let i = 0; i < text.length; i++) if ((values[text.charCodeAt(i)] ?? invalid) === invalid) return i;
  return -1;
}
