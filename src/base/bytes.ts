import { type Brand, brandAs } from './brand.ts';
import { decodeForDisplay, encodeDisplayed } from './displayed-bytes.ts';

/**
 * Bytes whose encoding nobody promised (file names, symlink targets, Nix strings), as a string with one code unit
 * of 0..255 a byte. V8 stores it one byte a unit, `<` orders it as memcmp does, and it is a key of a Map.
 */
export type ByteString = Brand<string, 'ByteString'>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const wide = /[^\u0000-\u00ff]/;
const beyondAscii = /[^\u0000-\u007f]/;

/** Views the same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function byteStringOf(bytes: Uint8Array): ByteString {
  return brandAs<ByteString>(asBuffer(bytes).toString('latin1'));
}

/** The UTF-8 encoding of `text`; what `displayBytes` made becomes the bytes that it was. */
export function byteStringFromText(text: string): ByteString {
  return brandAs<ByteString>(beyondAscii.test(text) ? encodeDisplayed(text).toString('latin1') : text);
}

/** For text known to have no code unit above 255, each standing for one byte; throws a TypeError otherwise. */
export function byteStringFromLatin1(text: string): ByteString {
  if (wide.test(text)) throw new TypeError('not a byte string');
  return brandAs<ByteString>(text);
}

export function bytesOf(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The text that `bytes` encode, or undefined when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** For messages: UTF-8 decoded; invalid bytes stay what they are where the text is written (`encodeDisplayed`). */
export function displayBytes(text: ByteString): string {
  return beyondAscii.test(text) ? decodeForDisplay(bytesOf(text)) : text;
}

/** The text that `text`'s bytes encode, or undefined when they are not UTF-8. */
export function textOf(text: ByteString): string | undefined {
  return beyondAscii.test(text) ? decodeUtf8(bytesOf(text)) : text;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && asBuffer(a).equals(b);
}

/** Lower-case base16. */
export function toHex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex');
}
