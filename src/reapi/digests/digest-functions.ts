import type { DigestFunction } from '../../castore/index.ts';

/** REAPI's numbers of the digest functions that are served (`DigestFunction.Value`). */
export const digestFunctionNumbers = {
  sha256: 1,
  sha1: 2,
  sha384: 5,
  sha512: 6,
  blake3: 9,
  gitsha1: 10,
} as const satisfies Partial<Record<DigestFunction, number>>;

export type ServedDigestFunction = keyof typeof digestFunctionNumbers;
