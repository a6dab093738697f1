import type { HashAlgorithm } from '../hash/algorithm.ts';
import type { NixHash } from '../hash/hash.ts';
import { hashBytes } from '../hash/hasher.ts';

/** The kinds of git objects that file trees are made of. */
export type GitObjectType = 'blob' | 'tree';

/** The hash functions with which git names objects. Nix computes a git hash with others too, but reads no trees of theirs. */
export type GitAlgorithm = Extract<HashAlgorithm, 'sha1' | 'sha256'>;

/** What stands before the content of an object, `size` bytes, in the bytes that are hashed. */
export function gitObjectHeader(type: GitObjectType, size: number): Buffer {
  return Buffer.from(`${type} ${size}\0`, 'latin1');
}

/** The git hash of an object with this content. */
export function hashGitObject(algorithm: HashAlgorithm, type: GitObjectType, content: Uint8Array): NixHash {
  return hashBytes(algorithm, Buffer.concat([gitObjectHeader(type, content.length), content]));
}
