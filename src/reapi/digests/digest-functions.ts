import type { DigestFunction } from '../../castore/index.ts';
import { DigestFunction_Value } from '../../proto/index.ts';

/** REAPI's numbers of the digest functions that are served (`DigestFunction.Value`). */
export const digestFunctionNumbers = {
  sha256: DigestFunction_Value.SHA256,
  sha1: DigestFunction_Value.SHA1,
  sha384: DigestFunction_Value.SHA384,
  sha512: DigestFunction_Value.SHA512,
  blake3: DigestFunction_Value.BLAKE3,
  gitsha1: DigestFunction_Value.GITSHA1,
} as const satisfies Partial<Record<DigestFunction, number>>;

export type ServedDigestFunction = keyof typeof digestFunctionNumbers;

export function isServedDigestFunction(name: string): name is ServedDigestFunction {
  return Object.hasOwn(digestFunctionNumbers, name);
}
