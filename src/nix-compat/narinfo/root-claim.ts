import { type ByteString, brandAs } from '../../base/index.ts';
import { formatHash } from '../hash/hash-format.ts';
import type { Signature } from '../signature/signature.ts';
import { type StoreDir, printStorePath } from '../store-path/store-dir.ts';
import type { PathInfo } from './path-info.ts';

/**
 * What somebody says that a store path's tree is in Firn's castore (docs/formats/root-claims.md). Signatures of path infos
 * are of the NAR's hash, which shows only when all of the tree is here: with this, it can be read blob by blob.
 */
export interface RootClaim {
  /** `dir:HASH/SIZE`, `file:HASH/SIZE`, `exec:HASH/SIZE` or `link:TARGET` in base64. */
  readonly root: ByteString;
  /** Of `fingerprintRoot`. */
  readonly signatures: readonly Signature[];
}

/** The text that signatures of root claims sign: `firn-root:1;path;NAR hash;root`. */
export function fingerprintRoot(
  storeDir: StoreDir,
  { path, narHash }: Pick<PathInfo, 'path' | 'narHash'>,
  root: ByteString,
): ByteString {
  const hash = formatHash(narHash, 'nix32', { prefix: true });
  return brandAs<ByteString>(`firn-root:1;${printStorePath(storeDir, path)};${hash};${root}`);
}
