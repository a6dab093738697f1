import {
  type BlobAliases,
  type BlobStore,
  type DigestFunction,
  type ForeignDigest,
  foreignDigestOf,
  putForeign,
} from '../castore/index.ts';

/** Adds a blob under the name that it has in `digestFunction`, as a client of that function does. */
export async function uploadForeign(
  { store, aliases }: { readonly store: BlobStore; readonly aliases: BlobAliases },
  bytes: Uint8Array,
  digestFunction: DigestFunction,
): Promise<ForeignDigest> {
  const foreign = foreignDigestOf(bytes, digestFunction);
  await using batch = store.batch();
  const alias = await putForeign(batch, [bytes], foreign);
  await batch.commit();
  await aliases.record([alias]);
  return foreign;
}
