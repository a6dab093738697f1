import { createHash, hash as hashOnce } from 'node:crypto';
import { blake3 } from '@noble/hashes/blake3.js';
import type { HashAlgorithm } from './algorithm.ts';
import type { NixHash } from './hash.ts';

export function hashBytes(algorithm: HashAlgorithm, bytes: Uint8Array): NixHash {
  return { algorithm, digest: algorithm === 'blake3' ? blake3(bytes) : hashOnce(algorithm, bytes, 'buffer') };
}

/** Hashes bytes that come in pieces. */
export class Hasher {
  readonly algorithm: HashAlgorithm;
  readonly #state: { update(chunk: Uint8Array): unknown; digest(): Uint8Array };
  #size = 0;

  constructor(algorithm: HashAlgorithm) {
    this.algorithm = algorithm;
    this.#state = algorithm === 'blake3' ? blake3.create() : createHash(algorithm);
  }

  /** Number of bytes so far. */
  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#state.update(chunk);
    this.#size += chunk.byteLength;
  }

  /** To be called once, as the last. */
  finish(): NixHash {
    return { algorithm: this.algorithm, digest: this.#state.digest() };
  }
}
