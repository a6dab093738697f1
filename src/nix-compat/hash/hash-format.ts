import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { type HashAlgorithm, hashSize, parseHashAlgorithm } from './algorithm.ts';
import { decodeBase16, encodeBase16 } from './base16.ts';
import { base64Length, decodeBase64, encodeBase64 } from './base64.ts';
import type { NixHash } from './hash.ts';
import { decodeNix32, encodeNix32, nix32Length } from './nix32.ts';

export const hashFormats = ['base16', 'nix32', 'base64', 'sri'] as const;

export type HashFormat = (typeof hashFormats)[number];

/** Knows `base32`, the deprecated alias of `nix32` (C++ Nix warns of it). Throws `hash/unknown-format`. */
export function parseHashFormat(name: string): HashFormat {
  const format = name === 'base32' ? 'nix32' : hashFormats.find(known => known === name);
  if (format !== undefined) return format;
  throw new NixCompatError(
    'hash/unknown-format',
    `unknown hash format '${excerpt(name)}', expect 'base16', 'base32', 'base64', or 'sri'`,
  );
}

/** `prefix` puts `<algorithm>:` in front; SRI always has its own, `<algorithm>-`. */
export function formatHash(hash: NixHash, format: HashFormat, options: { readonly prefix?: boolean } = {}): string {
  if (format === 'sri') return `${hash.algorithm}-${encodeBase64(hash.digest)}`;
  const text = encodings[format].encode(hash.digest);
  return options.prefix === true ? `${hash.algorithm}:${text}` : text;
}

type Encoding = Exclude<HashFormat, 'sri'>;

const encodings = {
  base16: { encode: encodeBase16, decode: decodeBase16, title: 'base16' },
  nix32: { encode: encodeNix32, decode: decodeNix32, title: 'nix32' },
  base64: { encode: encodeBase64, decode: decodeBase64, title: 'Base64' },
} as const;

/**
 * Parses any form: SRI, `<algorithm>:<digits>`, or bare digits when `algorithm` is given; which encoding the digits are
 * in follows from their number. Throws `hash/unknown-algorithm`, `hash/no-algorithm`, `hash/other-algorithm` (the text
 * names another than `algorithm`), `hash/bad-length`, `hash/bad-character` or `hash/bad-padding`.
 */
export function parseHash(text: string, algorithm?: HashAlgorithm): NixHash {
  return parseHashWithFormat(text, algorithm).hash;
}

/** As `parseHash`, and tells which form the text was in. */
export function parseHashWithFormat(
  text: string,
  algorithm?: HashAlgorithm,
): { readonly hash: NixHash; readonly format: HashFormat } {
  const { named, separator, digitsAt } = splitAlgorithm(text);
  if (named === undefined && algorithm === undefined) {
    const message = `hash '${excerpt(text)}' does not include a type, nor is the type otherwise known from context`;
    throw new NixCompatError('hash/no-algorithm', message, { offset: 0 });
  }
  if (named !== undefined && algorithm !== undefined && named !== algorithm) {
    const message = `hash '${excerpt(text)}' should have type '${algorithm}'`;
    throw new NixCompatError('hash/other-algorithm', message, { offset: 0 });
  }
  const known = named ?? algorithm ?? 'sha256';
  if (separator === '-') {
    return { hash: decode(text, digitsAt, known, { ...encodings.base64, title: 'SRI' }), format: 'sri' };
  }
  const format = formatOfLength(text, digitsAt, known);
  return { hash: decode(text, digitsAt, known, encodings[format]), format };
}

/** As `parseHash` for a text that has to name its algorithm (`hash/no-algorithm` else). */
export function parsePrefixedHash(text: string): NixHash {
  if (splitAlgorithm(text).named === undefined) {
    const message = `hash '${excerpt(text)}' does not include a type`;
    throw new NixCompatError('hash/no-algorithm', message, { offset: 0 });
  }
  return parseHash(text);
}

/**
 * Parses bare digits, in `format` or in what their number tells. Throws `hash/bad-length`, `hash/bad-character` or
 * `hash/bad-padding`.
 */
export function parseUnprefixedHash(text: string, algorithm: HashAlgorithm, format?: Encoding): NixHash {
  return decode(text, 0, algorithm, encodings[format ?? formatOfLength(text, 0, algorithm)]);
}

/**
 * Parses `<algorithm>-<base64>`, with or without padding. Throws `hash/not-sri`, `hash/unknown-algorithm`,
 * `hash/bad-character` or `hash/bad-length`.
 */
export function parseSri(text: string): NixHash {
  const dash = text.indexOf('-');
  if (dash < 0) throw new NixCompatError('hash/not-sri', `hash '${excerpt(text)}' is not SRI`, { offset: 0 });
  const algorithm = parseHashAlgorithm(text.slice(0, dash));
  return decode(text, dash + 1, algorithm, { ...encodings.base64, title: 'SRI' });
}

interface Prefix {
  readonly named: HashAlgorithm | undefined;
  readonly separator: ':' | '-' | undefined;
  readonly digitsAt: number;
}

function splitAlgorithm(text: string): Prefix {
  for (const separator of [':', '-'] as const) {
    const at = text.indexOf(separator);
    if (at >= 0) return { named: parseHashAlgorithm(text.slice(0, at)), separator, digitsAt: at + 1 };
  }
  return { named: undefined, separator: undefined, digitsAt: 0 };
}

function formatOfLength(text: string, digitsAt: number, algorithm: HashAlgorithm): Encoding {
  const size = hashSize(algorithm);
  switch (text.length - digitsAt) {
    case size * 2:
      return 'base16';
    case nix32Length(size):
      return 'nix32';
    case base64Length(size):
      return 'base64';
    default: {
      const digits = excerpt(text.slice(digitsAt));
      const message = `hash '${digits}' has wrong length for hash algorithm '${algorithm}'`;
      throw new NixCompatError('hash/bad-length', message, { offset: digitsAt });
    }
  }
}

interface Decoder {
  readonly decode: (digits: string) => Uint8Array;
  readonly title: string;
}

/** C++ Nix words every refusal as a wrong length (0 after a bad character); code and offset say what it was. */
function decode(text: string, digitsAt: number, algorithm: HashAlgorithm, decoder: Decoder): NixHash {
  const digits = text.slice(digitsAt);
  const size = hashSize(algorithm);
  const wrongLength = (length: number) =>
    `invalid ${decoder.title} hash '${excerpt(digits)}', length ${length} != expected length ${size}`;
  let digest: Uint8Array;
  try {
    digest = decoder.decode(digits);
  } catch (error) {
    if (!(error instanceof NixCompatError)) throw error;
    const message = wrongLength(error.code === 'hash/bad-padding' ? size + 1 : 0);
    throw new NixCompatError(error.code, message, { offset: digitsAt + (error.offset ?? 0), cause: error });
  }
  if (digest.byteLength !== size) {
    throw new NixCompatError('hash/bad-length', wrongLength(digest.byteLength), { offset: digitsAt });
  }
  return { algorithm, digest };
}
