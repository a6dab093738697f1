import type { DigestFunction, ForeignDigest } from '../../castore/index.ts';
import { DigestFunction_Value } from '../../proto/index.ts';

/** REAPI's numbers of the digest functions that are served (`DigestFunction.Value`). */
export const digestFunctionNumbers = {
  sha256: DigestFunction_Value.SHA256,
  sha1: DigestFunction_Value.SHA1,
  sha384: DigestFunction_Value.SHA384,
  sha512: DigestFunction_Value.SHA512,
  blake3: DigestFunction_Value.BLAKE3,
  gitsha1: DigestFunction_Value.GITSHA1,
  // Just's native mode, which tells them by the tags of their hashes (`wireHash`), names none.
  gitblob: DigestFunction_Value.UNKNOWN,
  gittree: DigestFunction_Value.UNKNOWN,
} as const satisfies Partial<Record<DigestFunction, number>>;

export type ServedDigestFunction = keyof typeof digestFunctionNumbers;

/** The hash as messages and resource names write it: in just's native mode it bears a tag that tells files from trees. */
export function wireHash({ function: digestFunction, hash }: ForeignDigest): string {
  const tag = nativeTags[digestFunction];
  return tag === undefined ? hash : tag + hash;
}

/** What a tagged hash says; undefined for any other. */
export function parseTaggedHash(
  text: string,
): { readonly function: 'gitblob' | 'gittree'; readonly hash: string } | undefined {
  if (text.length !== 42) return undefined;
  const hash = text.slice(2);
  if (text.startsWith(nativeTags.gitblob)) return { function: 'gitblob', hash };
  return text.startsWith(nativeTags.gittree) ? { function: 'gittree', hash } : undefined;
}

const nativeTags: { readonly [name in DigestFunction]?: string } & {
  readonly gitblob: string;
  readonly gittree: string;
} = { gitblob: '62', gittree: '74' };

export function isServedDigestFunction(name: string): name is ServedDigestFunction {
  return Object.hasOwn(digestFunctionNumbers, name);
}
