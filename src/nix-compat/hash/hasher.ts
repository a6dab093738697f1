import { createHash, hash as hashOnce } from 'node:crypto';
import { Blake3, sha256Hasher, sha256Hex } from '../../base/index.ts';
import type { HashAlgorithm } from './algorithm.ts';
import type { NixHash } from './hash.ts';

export function hashBytes(algorithm: HashAlgorithm, bytes: Uint8Array): NixHash {
  if (algorithm !== 'blake3') {
    // By way of base16 it takes half the time: a Buffer that node:crypto makes is an allocation outside V8's heap.
    const digits = algorithm === 'sha256' ? sha256Hex(bytes) : hashOnce(algorithm, bytes, 'hex');
    return { algorithm, digest: Buffer.from(digits, 'hex') };
  }
  const state = new Blake3();
  state.update(bytes);
  return { algorithm, digest: state.digest() };
}

function stateOf(algorithm: HashAlgorithm): { update(chunk: Uint8Array): unknown; digest(): Uint8Array } {
  if (algorithm === 'blake3') return new Blake3();
  return algorithm === 'sha256' ? sha256Hasher() : createHash(algorithm);
}

/** Hashes bytes that come in pieces. */
export class Hasher {
  readonly algorithm: HashAlgorithm;
  readonly #state: ReturnType<typeof stateOf>;
  #size = 0;

  constructor(algorithm: HashAlgorithm) {
    this.algorithm = algorithm;
    this.#state = stateOf(algorithm);
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
