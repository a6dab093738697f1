import type { BlobStore, CallOptions } from '../blob-store.ts';
import { type Digest, formatDigest } from '../digest.ts';
import { decodeDirectory, maxDirectorySize } from '../directory.ts';
import { CastoreError } from '../error.ts';
import type { Directory } from '../node.ts';

/** The directory that `digest` names. Throws `blob/missing` and what `decodeDirectory` throws. */
export async function readDirectory(store: BlobStore, digest: Digest, options: CallOptions = {}): Promise<Directory> {
  const bytes = await store.get(digest, { ...options, limit: maxDirectorySize });
  if (bytes === undefined) throw new CastoreError('blob/missing', `the directory ${formatDigest(digest)} is absent`);
  return decodeDirectory(bytes);
}
