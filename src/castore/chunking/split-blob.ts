import type { BlobBatch, BlobStore, CallOptions } from '../blob-store.ts';
import { type Digest, Digester, checkDigest, formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';
import { FastCdc, type FastCdcParameters } from './fast-cdc.ts';

/**
 * Adds the chunks of a blob to the store and gives their digests, in order; undefined if the blob is absent. A blob
 * smaller than the largest chunk is its only chunk. Throws `digest/mismatch`, with nothing added, should the chunks
 * not make up the blob, and `chunking/bad-parameters`.
 */
export async function splitBlob(
  store: BlobStore,
  digest: Digest,
  options: CallOptions & FastCdcParameters = {},
): Promise<Digest[] | undefined> {
  const { signal } = options;
  const chunker = new FastCdc(options);
  if (digest.size < chunker.maxSize) {
    const [missing] = await store.findMissing([digest], { signal });
    return missing === undefined ? [digest] : undefined;
  }
  const source = await store.open(digest, { signal });
  if (source === undefined) return undefined;
  await using batch = store.batch();
  const chunks: Digest[] = [];
  const whole = new Digester();
  for await (const bytes of source) {
    whole.update(bytes, digest);
    for (const chunk of chunker.push(bytes)) chunks.push(await batch.put(chunk, { signal }));
  }
  for (const chunk of chunker.finish()) chunks.push(await batch.put(chunk, { signal }));
  checkDigest(whole.finish(), digest);
  await batch.commit({ signal });
  return chunks;
}

export interface SpliceOptions extends CallOptions {
  /** What the chunks are to make up; other bytes are refused with `digest/mismatch`. */
  readonly expected?: Digest;
}

/**
 * Adds to a batch the blob that chunks in the store make up, and gives its digest. Throws `blob/missing`, naming the
 * first chunk that is absent, and `digest/mismatch`, before anything is read when the sizes alone show it.
 */
export async function spliceBlob(
  store: BlobStore,
  chunks: readonly Digest[],
  batch: BlobBatch,
  options: SpliceOptions = {},
): Promise<Digest> {
  const { expected, signal } = options;
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  if (expected !== undefined && size !== expected.size) {
    const message = `the chunks have ${size} bytes, and the blob ${formatDigest(expected)} has not`;
    throw new CastoreError('digest/mismatch', message);
  }
  const [missing] = await store.findMissing(chunks, { signal });
  if (missing !== undefined) throw missingChunk(missing);
  return batch.putStream(concatenate(store, chunks, options), { expected, signal });
}

async function* concatenate(
  store: BlobStore,
  chunks: readonly Digest[],
  options: CallOptions,
): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) {
    const bytes = await store.open(chunk, { signal: options.signal });
    if (bytes === undefined) throw missingChunk(chunk);
    yield* bytes;
  }
}

function missingChunk(chunk: Digest): CastoreError {
  return new CastoreError('blob/missing', `the chunk ${formatDigest(chunk)} is absent`);
}
