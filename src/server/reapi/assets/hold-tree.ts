import { type Digest, decodeDirectory, formatDigest, maxDirectorySize } from '../../../castore/index.ts';
import type { ServedBlobs } from '../served-blobs.ts';

/** Leases all blobs of a tree; false where one of them is not here. */
export async function holdTree(blobs: ServedBlobs, root: Digest, signal?: AbortSignal): Promise<boolean> {
  const directories = new Map([[formatDigest(root), root]]);
  const files = new Map<string, Digest>();
  // Those that are found are walked, too.
  for (const digest of directories.values()) {
    const bytes = await blobs.store.get(digest, { signal, limit: maxDirectorySize });
    if (bytes === undefined) return false;
    for (const { node } of decodeDirectory(bytes).entries) {
      if (node.kind === 'directory') directories.set(formatDigest(node.digest), node.digest);
      else if (node.kind === 'file') files.set(formatDigest(node.digest), node.digest);
    }
  }
  const all = [...directories.values(), ...files.values()];
  const missing = await blobs.findMissing(
    all.map(({ hash, size }) => ({ function: 'sha256' as const, hash, size })),
    signal,
  );
  return missing.length === 0;
}
