import { type ByteString, brandAs } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { formatHash } from '../hash/hash-format.ts';
import type { NixHash } from '../hash/hash.ts';
import { type StoreDir, printStorePath } from '../store-path/store-dir.ts';
import { type StorePath, compareStorePaths } from '../store-path/store-path.ts';

/** What of a path info is signed. */
export interface FingerprintedInfo {
  readonly path: StorePath;
  readonly narHash: NixHash;
  /** In bytes; 0 if unknown. */
  readonly narSize: number;
  /** Possibly with the path itself; in any order. */
  readonly references: Iterable<StorePath>;
}

/** The text that signatures of store paths sign: `1;path;NAR hash;NAR size;references`. Throws `signature/unknown-size`. */
export function fingerprintPathInfo(storeDir: StoreDir, info: FingerprintedInfo): ByteString {
  const path = printStorePath(storeDir, info.path);
  if (info.narSize === 0) {
    const message = `cannot calculate fingerprint of path '${path}' because its size is not known`;
    throw new NixCompatError('signature/unknown-size', message);
  }
  const narHash = formatHash(info.narHash, 'nix32', { prefix: true });
  const references = [...new Set(info.references)].toSorted(compareStorePaths);
  const printed = references.map(reference => printStorePath(storeDir, reference)).join(',');
  return brandAs<ByteString>(`1;${path};${narHash};${info.narSize};${printed}`);
}
