/**
 * SHA-256 by the libcrypto that Node is linked with, called directly: loading node:crypto takes 10 ms, which is a twentieth of
 * a short evaluation, and a call costs the same. Where the library's functions cannot be had, node:crypto does it.
 */
import { createHash, hash as hashOnce } from 'node:crypto';
import { loadIfThere } from './ffi-library.ts';

/** Where the library puts digests. */
const digest = Buffer.allocUnsafeSlow(32);

/** Where it finds what is small: to copy that is cheaper than to ask where it lies. */
const scratch = Buffer.allocUnsafeSlow(8192);

const load = loadIfThere(({ getFunction, addressOf }) => ({
  // Numbers for addresses: a call with a buffer costs Node another microsecond.
  whole: getFunction('SHA256', { arguments: ['u64', 'u64', 'u64'], return: 'u64' }),
  begin: getFunction('SHA256_Init', { arguments: ['u64'], return: 'i32' }),
  update: getFunction('SHA256_Update', { arguments: ['u64', 'u64', 'u64'], return: 'i32' }),
  finish: getFunction('SHA256_Final', { arguments: ['u64', 'u64'], return: 'i32' }),
  addressOf,
  scratchAddress: addressOf(scratch),
  digestAddress: addressOf(digest),
}));

type Library = NonNullable<ReturnType<typeof load>>;

/** In bytes: `SHA256_CTX` of `openssl/sha.h`, eight words of state, the length in two, a block of 16, and two numbers. */
const contextSize = 112;

/** In 64 lower-case base16 digits. */
export function sha256Hex(bytes: Uint8Array): string {
  const library = load();
  if (library === undefined) return hashOnce('sha256', bytes, 'hex');
  library.whole(placeOf(library, bytes), BigInt(bytes.byteLength), library.digestAddress);
  return digest.toString('hex');
}

/** Until the next call. */
function placeOf(library: Library, bytes: Uint8Array): bigint {
  if (bytes.byteLength > scratch.byteLength) return library.addressOf(bytes);
  scratch.set(bytes);
  return library.scratchAddress;
}

/** Of bytes that come in pieces. */
export interface Sha256Hasher {
  update(chunk: Uint8Array): unknown;
  /** To be called once, as the last. */
  digest(): Buffer;
}

export function sha256Hasher(): Sha256Hasher {
  const library = load();
  return library === undefined ? createHash('sha256') : new LibraryHasher(library);
}

class LibraryHasher implements Sha256Hasher {
  readonly #library: Library;
  /** Held for as long as `#address` is used. */
  readonly #context = Buffer.allocUnsafeSlow(contextSize);
  readonly #address: bigint;

  constructor(library: Library) {
    this.#library = library;
    this.#address = library.addressOf(this.#context);
    library.begin(this.#address);
  }

  update(chunk: Uint8Array): void {
    this.#library.update(this.#address, placeOf(this.#library, chunk), BigInt(chunk.byteLength));
  }

  digest(): Buffer {
    this.#library.finish(this.#library.digestAddress, this.#address);
    this.#context.fill(0);
    return Buffer.from(digest);
  }
}
