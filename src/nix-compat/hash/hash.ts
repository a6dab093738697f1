import { equalBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { type HashAlgorithm, hashSize } from './algorithm.ts';

/** A digest and the algorithm it came from. A store path's is shorter than the algorithm's (`compressHash`). */
export interface NixHash {
  readonly algorithm: HashAlgorithm;
  readonly digest: Uint8Array;
}

/** Takes `digest` over. Throws `hash/bad-length`. */
export function makeHash(algorithm: HashAlgorithm, digest: Uint8Array): NixHash {
  if (digest.byteLength !== hashSize(algorithm)) {
    const message = `a digest of hash algorithm '${algorithm}' has ${hashSize(algorithm)} bytes, not ${digest.byteLength}`;
    throw new NixCompatError('hash/bad-length', message);
  }
  return { algorithm, digest };
}

/** All bytes zero: what fetchers take an empty hash for, to learn the right one from the mismatch. */
export function zeroHash(algorithm: HashAlgorithm): NixHash {
  return { algorithm, digest: Buffer.alloc(hashSize(algorithm)) };
}

export function equalHashes(a: NixHash, b: NixHash): boolean {
  return a.algorithm === b.algorithm && equalBytes(a.digest, b.digest);
}

/** Folds the digest to `size` bytes by exclusive or, as store paths do with 20. */
export function compressHash(hash: NixHash, size: number): NixHash {
  const digest = Buffer.alloc(size);
  for (let i = 0; i < hash.digest.length; i++) digest[i % size] = (digest[i % size] ?? 0) ^ (hash.digest[i] ?? 0);
  return { algorithm: hash.algorithm, digest };
}
