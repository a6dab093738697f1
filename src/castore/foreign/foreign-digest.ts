import { createHash } from 'node:crypto';
import { Blake3, toHex } from '../../base/index.ts';
import { type Digest, emptyDigest, equalDigests, isSha256 } from '../digest.ts';
import { CastoreError } from '../error.ts';

/** REAPI's digest functions that blobs may be known by, and the bytes of their hashes; `sha256` is our own. */
export const digestFunctions = {
  md5: 16,
  sha1: 20,
  sha256: 32,
  sha384: 48,
  sha512: 64,
  blake3: 32,
  /** SHA-1 of the bytes after `blob SIZE` and a NUL, as git names a file. */
  gitsha1: 20,
  /** As `gitsha1`, in just's native mode, which tells files and trees apart. */
  gitblob: 20,
  /** SHA-1 of a git tree after `tree SIZE` and a NUL: just's native mode has these for directories. */
  gittree: 20,
} as const;

export type DigestFunction = keyof typeof digestFunctions;

/** Those whose digests have any size: git's trees name files by hashes alone, and just asks so for them. */
export const sizeless: ReadonlySet<DigestFunction> = new Set(['gitblob', 'gittree']);

/** What names a blob outside our store. */
export interface ForeignDigest {
  readonly function: DigestFunction;
  /** In lower-case base16. */
  readonly hash: string;
  readonly size: number;
}

const base16 = /^[0-9a-f]*$/;

export function isHashOf(digestFunction: DigestFunction, hash: string): boolean {
  return hash.length === digestFunctions[digestFunction] * 2 && base16.test(hash);
}

/** Throws `digest/malformed` unless hash and size are what they should be. */
export function checkForeignDigest(digest: ForeignDigest): void {
  const { function: digestFunction, hash, size } = digest;
  if (isHashOf(digestFunction, hash) && Number.isSafeInteger(size) && size >= 0) return;
  throw new CastoreError('digest/malformed', `no ${digestFunction} digest: '${hash.slice(0, 160)}', ${size} bytes`);
}

/** A key, and what messages show: `function:hash/size`. */
export function formatForeignDigest(digest: ForeignDigest): string {
  return `${digest.function}:${digest.hash}/${digest.size}`;
}

/** Digests bytes that come in pieces; how many there will be is known before, as git's hashes begin with it. */
export class ForeignDigester {
  readonly #function: DigestFunction;
  readonly #hash: { update(chunk: Uint8Array): unknown; digest(): Uint8Array };
  #size = 0;

  constructor(digestFunction: DigestFunction, size: number) {
    this.#function = digestFunction;
    this.#hash = hashOf(digestFunction);
    const kind = gitKinds[digestFunction];
    if (kind !== undefined) this.#hash.update(Buffer.from(`${kind} ${size}\0`));
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.byteLength;
  }

  finish(): ForeignDigest {
    return { function: this.#function, hash: toHex(this.#hash.digest()), size: this.#size };
  }
}

function hashOf(digestFunction: DigestFunction): { update(chunk: Uint8Array): unknown; digest(): Uint8Array } {
  if (digestFunction === 'blake3') return new Blake3();
  return createHash(gitKinds[digestFunction] === undefined ? digestFunction : 'sha1');
}

/** What kind of git's objects it is that a hash begins with. */
const gitKinds: { readonly [name in DigestFunction]?: 'blob' | 'tree' } = {
  gitsha1: 'blob',
  gitblob: 'blob',
  gittree: 'tree',
};

export function foreignDigestOf(bytes: Uint8Array, digestFunction: DigestFunction): ForeignDigest {
  const digester = new ForeignDigester(digestFunction, bytes.byteLength);
  digester.update(bytes);
  return digester.finish();
}

/** The blob that a digest names without its having to be recorded: one of our own function, or the empty one. */
export function impliedDigest(foreign: ForeignDigest): Digest | undefined {
  const { function: digestFunction, hash, size } = foreign;
  if (digestFunction === 'sha256') return isSha256(hash) ? { hash, size } : undefined;
  return size === 0 && hash === emptyHash(digestFunction) ? emptyDigest : undefined;
}

/** The way back of `impliedDigest`. */
export function impliedForeignDigest(digest: Digest, digestFunction: DigestFunction): ForeignDigest | undefined {
  if (digestFunction === 'sha256') return { function: digestFunction, ...digest };
  if (!equalDigests(digest, emptyDigest)) return undefined;
  return { function: digestFunction, hash: emptyHash(digestFunction), size: 0 };
}

const emptyHashes = new Map<DigestFunction, string>();

function emptyHash(digestFunction: DigestFunction): string {
  let hash = emptyHashes.get(digestFunction);
  if (hash === undefined) {
    hash = foreignDigestOf(new Uint8Array(0), digestFunction).hash;
    emptyHashes.set(digestFunction, hash);
  }
  return hash;
}
