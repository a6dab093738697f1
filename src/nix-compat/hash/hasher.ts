import { createHash, hash as hashOnce } from 'node:crypto';
import { Blake3 } from '../../base/index.ts';
import type { HashAlgorithm } from './algorithm.ts';
import type { NixHash } from './hash.ts';

export function hashBytes(algorithm: HashAlgorithm, bytes: Uint8Array): NixHash {
  if (algorithm !== 'blake3') {
    // By way of base16 it takes half the time: a Buffer that node:crypto makes is an allocation outside V8's heap.
    return { algorithm, digest: Buffer.from(hashOnce(algorithm, bytes, 'hex'), 'hex') };
  }
  const state = new Blake3();
  state.update(bytes);
  return { algorithm, digest: state.digest() };
}

/** Hashes bytes that come in pieces. */
export class Hasher {
  readonly algorithm: HashAlgorithm;
  readonly #state: { update(chunk: Uint8Array): unknown; digest(): Uint8Array };
  #size = 0;

  constructor(algorithm: HashAlgorithm) {
    this.algorithm = algorithm;
    this.#state = algorithm === 'blake3' ? new Blake3() : createHash(algorithm);
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
