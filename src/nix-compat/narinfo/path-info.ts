import { type ByteString, bytesOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { type NixHash } from '../hash/hash.ts';
import { fingerprintPathInfo } from '../signature/fingerprint.ts';
import { type PublicKey, verifySignature, verifySignatureAside } from '../signature/key.ts';
import type { Signature } from '../signature/signature.ts';
import type { ContentAddress } from '../store-path/content-address.ts';
import { makeStorePathFromCA } from '../store-path/make-store-path.ts';
import type { StoreDir } from '../store-path/store-dir.ts';
import { type StorePath, storePathName } from '../store-path/store-path.ts';
import type { RootClaim } from './root-claim.ts';

/** What Nix knows of a store object ("store object info" in Nix's manual). */
export interface PathInfo {
  readonly path: StorePath;
  readonly narHash: NixHash;
  /** In bytes; 0 if unknown. */
  readonly narSize: number;
  /** Sorted, each once; with `path` itself if the object refers to itself. */
  readonly references: readonly StorePath[];
  readonly deriver?: StorePath | undefined;
  /** Seconds since 1970; undefined if unknown. */
  readonly registrationTime?: number | undefined;
  /** Whether it was built here, and so is trusted without signatures. */
  readonly ultimate?: boolean | undefined;
  /** Sorted, each once. */
  readonly signatures: readonly Signature[];
  readonly contentAddress?: ContentAddress | undefined;
}

/** A path info, and where the NAR is in a binary cache. */
export interface NarInfo extends PathInfo {
  /** Relative to the cache. */
  readonly url: ByteString;
  /** `none`, `xz`, `zstd`, ...: not necessarily one that we know. */
  readonly compression: ByteString;
  /** Of the compressed NAR, like `fileSize`. */
  readonly fileHash?: NixHash | undefined;
  /** In bytes; 0 if unknown. */
  readonly fileSize: number;
  /** Of caches that say it (`FirnRoot`). */
  readonly rootClaim?: RootClaim | undefined;
}

/** Whether the store path follows from the content address and the references that the info claims. */
export function isContentAddressed(storeDir: StoreDir, info: PathInfo): boolean {
  if (info.contentAddress === undefined) return false;
  const others = info.references.filter(reference => reference !== info.path);
  const references = { others, self: others.length < info.references.length };
  try {
    return makeStorePathFromCA(storeDir, storePathName(info.path), info.contentAddress, references) === info.path;
  } catch (error) {
    // References or an algorithm that no path with such a content address has.
    if (error instanceof NixCompatError) return false;
    throw error;
  }
}

/** Whether one of the info's signatures was made by one of `keys`, by name; looked at on other threads. Throws as `countValidSignatures`. */
export async function isSigned(
  storeDir: StoreDir,
  info: PathInfo,
  keys: ReadonlyMap<string, PublicKey>,
): Promise<boolean> {
  const fingerprint = bytesOf(fingerprintPathInfo(storeDir, info));
  for (const signature of info.signatures) {
    if (await verifySignatureAside(keys, fingerprint, signature)) return true;
  }
  return false;
}

/** Number of the info's signatures that were made by one of `keys`, by name. Throws `signature/unknown-size`. */
export function countValidSignatures(storeDir: StoreDir, info: PathInfo, keys: ReadonlyMap<string, PublicKey>): number {
  const fingerprint = bytesOf(fingerprintPathInfo(storeDir, info));
  return info.signatures.filter(signature => verifySignature(keys, fingerprint, signature)).length;
}
