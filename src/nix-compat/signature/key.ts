import { type KeyObject, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { equalBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { formatNamedBase64, parseNamedBase64 } from './named-base64.ts';
import type { Signature } from './signature.ts';

const seedSize = 32;
const publicKeySize = 32;
const signatureSize = 64;

// What DER puts in front of a raw Ed25519 key (RFC 8410).
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** An Ed25519 key for verifying, with the name that its signatures carry. */
export class PublicKey {
  readonly name: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
  #key: KeyObject | undefined;

  /** Throws `key/bad-length`. */
  constructor(name: string, bytes: Uint8Array) {
    if (bytes.length !== publicKeySize) throw new NixCompatError('key/bad-length', 'public key is not valid');
    this.name = name;
    this.bytes = bytes;
  }

  /** Parses `<name>:<base64>`. Throws `key/malformed` or `key/bad-length`. */
  static parse(text: string): PublicKey {
    const { name, bytes } = parseNamedBase64(text, 'key', 'key/malformed');
    return new PublicKey(name, bytes);
  }

  toString(): string {
    return formatNamedBase64(this);
  }

  /** Whether `signature` is one of `data` by this key and says so. Throws `signature/bad-length`. */
  verify(data: Uint8Array, signature: Signature): boolean {
    return signature.keyName === this.name && this.verifyAnonymous(data, signature);
  }

  /** As `verify`, whatever key the signature names. */
  verifyAnonymous(data: Uint8Array, signature: Signature): boolean {
    return verify(undefined, data, this.#unpacked(signature), signature.bytes);
  }

  /** As `verifyAnonymous`, on another thread: it takes 0.1 ms. */
  async verifyAside(data: Uint8Array, signature: Signature): Promise<boolean> {
    const key = this.#unpacked(signature);
    return new Promise((resolve, reject) => {
      verify(undefined, data, key, signature.bytes, (error, isGood) => {
        if (error === null) resolve(isGood);
        else reject(error);
      });
    });
  }

  #unpacked(signature: Signature): KeyObject {
    if (signature.bytes.length !== signatureSize) {
      throw new NixCompatError('signature/bad-length', 'signature is not valid');
    }
    // Unpacking the key costs as much as verifying.
    return (this.#key ??= createPublicKey({
      key: Buffer.concat([spkiPrefix, this.bytes]),
      format: 'der',
      type: 'spki',
    }));
  }
}

/** Whether one of `keys`, by name, made `signature` of `data`. Throws `signature/bad-length`. */
export function verifySignature(keys: ReadonlyMap<string, PublicKey>, data: Uint8Array, signature: Signature): boolean {
  return keys.get(signature.keyName)?.verifyAnonymous(data, signature) ?? false;
}

/** As `verifySignature`, on another thread. */
export async function verifySignatureAside(
  keys: ReadonlyMap<string, PublicKey>,
  data: Uint8Array,
  signature: Signature,
): Promise<boolean> {
  return (await keys.get(signature.keyName)?.verifyAside(data, signature)) ?? false;
}

/** An Ed25519 key for signing. Neither inspecting nor stringifying it as JSON shows it; `format` does. */
export class SecretKey {
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly #seed: Uint8Array;
  readonly #key: KeyObject;

  private constructor(name: string, seed: Uint8Array) {
    this.name = name;
    this.#seed = seed;
    this.#key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    this.publicKey = new PublicKey(name, spki.subarray(spkiPrefix.length));
  }

  /** `name` must be usable in settings and narinfos: not empty, no colon, no white space (`key/bad-name`). */
  static generate(name: string): SecretKey {
    if (!/^[^:\s]+$/.test(name)) {
      const message = `'${excerpt(name)}' cannot name a key: use a name like cache.example.org-1, without colon or white space`;
      throw new NixCompatError('key/bad-name', message);
    }
    return new SecretKey(name, randomBytes(seedSize));
  }

  /**
   * Parses `<name>:<base64>` of seed and public key, the order of libsodium. Throws `key/malformed`, `key/bad-length`,
   * or `key/inconsistent` when the public key is not the seed's.
   */
  static parse(text: string): SecretKey {
    const { name, bytes } = parseNamedBase64(text, 'key', 'key/malformed');
    if (bytes.length !== seedSize + publicKeySize)
      throw new NixCompatError('key/bad-length', 'secret key is not valid');
    const key = new SecretKey(name, bytes.subarray(0, seedSize));
    // Signing with a public key that is not one's own would give the seed away.
    if (!equalBytes(key.publicKey.bytes, bytes.subarray(seedSize))) {
      throw new NixCompatError('key/inconsistent', 'secret key is not valid: its public half belongs to another key');
    }
    return key;
  }

  /** `<name>:<base64>`: secret. */
  format(): string {
    return formatNamedBase64({ name: this.name, bytes: Buffer.concat([this.#seed, this.publicKey.bytes]) });
  }

  sign(data: Uint8Array): Signature {
    return { keyName: this.name, bytes: sign(undefined, data, this.#key) };
  }
}
