import type { BlobStore, CallOptions } from '../blob-store.ts';
import { type Digest, formatDigest } from '../digest.ts';
import { decodeDirectory, maxDirectorySize } from '../directory.ts';
import { CastoreError } from '../error.ts';
import type { Directory } from '../node.ts';

export interface ReadDirectoryOptions extends CallOptions {
  /** Where the directory stands, for the message of `blob/missing`. */
  readonly place?: string;
}

/** The directory that `digest` names. Throws `blob/missing` and what `decodeDirectory` throws. */
export async function readDirectory(
  store: BlobStore,
  digest: Digest,
  options: ReadDirectoryOptions = {},
): Promise<Directory> {
  const { place, signal } = options;
  const bytes = await store.get(digest, { signal, limit: maxDirectorySize });
  if (bytes === undefined) {
    const of = place === undefined ? '' : ` '${place}'`;
    throw new CastoreError('blob/missing', `the directory${of} ${formatDigest(digest)} is absent`);
  }
  return decodeDirectory(bytes);
}
