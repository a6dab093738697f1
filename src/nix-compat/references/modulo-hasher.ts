import { brandAs, type ByteString } from '../../base/index.ts';
import type { HashAlgorithm } from '../hash/algorithm.ts';
import type { NixHash } from '../hash/hash.ts';
import { Hasher } from '../hash/hasher.ts';
import { Rewriter } from './rewriter.ts';

/**
 * Hashes bytes with a store path's hash part in them taken for zero bytes: how an object that refers to itself can be
 * named by its content. The positions of the hash part do not go into the hash; Nix 2.34 does not add them either,
 * although its source means to (`nix store make-content-addressed` shows it).
 */
export class ModuloHasher {
  readonly #hasher: Hasher;
  readonly #rewriter: Rewriter;

  constructor(algorithm: HashAlgorithm, hashPart: string) {
    this.#hasher = new Hasher(algorithm);
    const zeros = '\0'.repeat(hashPart.length);
    this.#rewriter = new Rewriter([[brandAs<ByteString>(hashPart), brandAs<ByteString>(zeros)]], chunk =>
      this.#hasher.update(chunk),
    );
  }

  update(chunk: Uint8Array): void {
    this.#rewriter.update(chunk);
  }

  /** To be called once, as the last. */
  finish(): NixHash {
    this.#rewriter.finish();
    return this.#hasher.finish();
  }
}
