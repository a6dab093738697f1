import { type CallOptions, type ReadOptions, defaultGetLimit } from './blob-store.ts';
import { type Digest, formatDigest } from './digest.ts';
import { CastoreError } from './error.ts';

/** In bytes, of the chunks that a store hands out. */
export const maxChunkSize = 1024 * 1024;

/** The part of a blob of `size` bytes that `range` means, end exclusive. Throws `blob/bad-range`. */
export function clipRange(size: number, range: ReadOptions): { readonly start: number; readonly end: number } {
  const { offset = 0, length = Infinity } = range;
  const valid =
    Number.isSafeInteger(offset) && offset >= 0 && (length === Infinity || Number.isSafeInteger(length)) && length >= 0;
  if (!valid) throw new CastoreError('blob/bad-range', `no range of a blob: offset ${offset}, length ${length}`);
  const start = Math.min(offset, size);
  return { start, end: Math.min(start + length, size) };
}

/** The chunks of a blob that is in memory. */
// oxlint-disable-next-line typescript/require-await -- the shape of every backend's reads
export async function* chunksOf(bytes: Uint8Array, options: ReadOptions = {}): AsyncGenerator<Uint8Array, void> {
  const { start, end } = clipRange(bytes.byteLength, options);
  for (let at = start; at < end; at += maxChunkSize) {
    options.signal?.throwIfAborted();
    yield bytes.subarray(at, Math.min(at + maxChunkSize, end));
  }
}

/** All the bytes of lent chunks; undefined unless they are `size` of them. */
export async function gatherChunks(chunks: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const chunk of chunks) {
    if (chunk.byteLength > size - at) return undefined;
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return at === size ? bytes : undefined;
}

/** As `gatherChunks`, of a blob: `digest/mismatch` when it has another size. */
export async function collectChunks(chunks: AsyncIterable<Uint8Array>, digest: Digest): Promise<Uint8Array> {
  const bytes = await gatherChunks(chunks, digest.size);
  if (bytes !== undefined) return bytes;
  throw new CastoreError('digest/mismatch', `what was read of the blob ${formatDigest(digest)} has another size`);
}

/** Holds the size of what `BlobStore.get` is asked for against its limit: `blob/too-large`. */
export function checkGetLimit(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): void {
  const { limit = defaultGetLimit } = options;
  if (digest.size <= limit) return;
  throw new CastoreError(
    'blob/too-large',
    `the blob ${formatDigest(digest)} is larger than the limit of ${limit} bytes; read it in chunks`,
  );
}
