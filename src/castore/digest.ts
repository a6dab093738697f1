import { type Brand, brandAs, sha256Hasher, sha256Hex, toHex } from '../base/index.ts';
import { CastoreError, digestMismatch } from './error.ts';

/** A SHA-256 in 64 lower-case base16 digits. */
export type Sha256 = Brand<string, 'Sha256'>;

/** What names a blob in our store: its SHA-256 and its size in bytes. The hash alone is a key; the size is a promise that was checked. */
export interface Digest {
  readonly hash: Sha256;
  readonly size: number;
}

const pattern = /^[0-9a-f]{64}$/;

export function isSha256(text: string): text is Sha256 {
  return pattern.test(text);
}

/** Throws `digest/malformed`. */
export function sha256FromHex(text: string): Sha256 {
  if (!isSha256(text)) throw new CastoreError('digest/malformed', `not a SHA-256 in base16: '${text.slice(0, 80)}'`);
  return text;
}

export function sha256FromBytes(bytes: Uint8Array): Sha256 {
  return sha256FromHex(toHex(bytes));
}

export function sha256ToBytes(hash: Sha256): Buffer {
  return Buffer.from(hash, 'hex');
}

export function digestOf(bytes: Uint8Array): Digest {
  return { hash: brandAs<Sha256>(sha256Hex(bytes)), size: bytes.byteLength };
}

export function equalDigests(a: Digest, b: Digest): boolean {
  return a.hash === b.hash && a.size === b.size;
}

/** Throws `digest/mismatch` unless bytes have the digest that they were announced or stored with. */
export function checkDigest(found: Digest, expected: Digest): void {
  if (!equalDigests(found, expected)) throw digestMismatch(expected, found);
}

/** `hash/size`, as REAPI's resource names write it. */
export function formatDigest(digest: Digest): string {
  return `${digest.hash}/${digest.size}`;
}

/** The inverse of `formatDigest`; undefined for what is none. */
export function parseDigest(text: string): Digest | undefined {
  const [, hash = '', digits = ''] = /^([^/]*)\/(0|[1-9][0-9]{0,15})$/.exec(text) ?? [];
  const size = Number(digits);
  return isSha256(hash) && Number.isSafeInteger(size) ? { hash, size } : undefined;
}

/** The blob of no bytes. It exists in every store without having been put there. */
export const emptyDigest: Digest = {
  // Written out, so that importing this does not load node:crypto.
  hash: sha256FromHex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'),
  size: 0,
};

/** Digests bytes that come in pieces. */
export class Digester {
  readonly #hash = sha256Hasher();
  #size = 0;

  /** In bytes, so far. */
  get size(): number {
    return this.#size;
  }

  /** With `expected`, throws `digest/mismatch` as soon as the bytes are too many. */
  update(chunk: Uint8Array, expected?: Digest): void {
    if (expected !== undefined && chunk.byteLength > expected.size - this.#size) {
      throw digestMismatch(expected, undefined);
    }
    this.#hash.update(chunk);
    this.#size += chunk.byteLength;
  }

  finish(): Digest {
    return { hash: sha256FromHex(toHex(this.#hash.digest())), size: this.#size };
  }
}
