import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';

export const hashAlgorithms = ['md5', 'sha1', 'sha256', 'sha512', 'blake3'] as const;

export type HashAlgorithm = (typeof hashAlgorithms)[number];

const sizes: Readonly<Record<HashAlgorithm, number>> = { md5: 16, sha1: 20, sha256: 32, sha512: 64, blake3: 32 };

/** Size of a digest in bytes. */
export function hashSize(algorithm: HashAlgorithm): number {
  return sizes[algorithm];
}

export function isHashAlgorithm(text: string): text is HashAlgorithm {
  return Object.hasOwn(sizes, text);
}

/** Throws `hash/unknown-algorithm`. Whether `blake3` is enabled as an experimental feature is the caller's question. */
export function parseHashAlgorithm(text: string): HashAlgorithm {
  if (isHashAlgorithm(text)) return text;
  throw new NixCompatError(
    'hash/unknown-algorithm',
    `unknown hash algorithm '${excerpt(text)}', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'`,
    { offset: 0 },
  );
}
