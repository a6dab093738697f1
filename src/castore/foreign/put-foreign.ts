import type { BlobBatch, BlobStore, CallOptions } from '../blob-store.ts';
import { type Digest, Digester, checkDigest, formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { BlobAlias, BlobAliases } from './aliases.ts';
import {
  type DigestFunction,
  type ForeignDigest,
  ForeignDigester,
  checkForeignDigest,
  formatForeignDigest,
} from './foreign-digest.ts';

/**
 * Adds a blob that has a foreign name. Bytes of another digest are refused with `digest/mismatch`, as soon as they are
 * too many, and nothing of them is kept. The alias is to be recorded once the batch is committed.
 */
export async function putForeign(
  batch: BlobBatch,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  expected: ForeignDigest,
  options: CallOptions = {},
): Promise<BlobAlias> {
  checkForeignDigest(expected);
  const digest = await batch.putStream(checked(source, expected), { signal: options.signal });
  return { foreign: expected, digest };
}

/** Passes chunks on and throws `digest/mismatch`, at the latest when they end. */
async function* checked(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  expected: ForeignDigest,
): AsyncGenerator<Uint8Array, void> {
  const digester = new ForeignDigester(expected.function, expected.size);
  let left = expected.size;
  for await (const chunk of source) {
    left -= chunk.byteLength;
    if (left < 0) throw mismatch(expected, `are more than ${expected.size} bytes`);
    digester.update(chunk);
    yield chunk;
  }
  const found = digester.finish();
  if (found.hash !== expected.hash || left > 0)
    throw mismatch(expected, `have the digest ${formatForeignDigest(found)}`);
}

function mismatch(expected: ForeignDigest, is: string): CastoreError {
  return new CastoreError('digest/mismatch', `bytes announced as ${formatForeignDigest(expected)} ${is}`);
}

/** Hashes a blob of the store under another function; undefined if it is absent. */
export async function aliasBlob(
  store: BlobStore,
  digest: Digest,
  digestFunction: DigestFunction,
  options: CallOptions = {},
): Promise<BlobAlias | undefined> {
  const chunks = await store.open(digest, { signal: options.signal });
  if (chunks === undefined) return undefined;
  const own = new Digester();
  const digester = new ForeignDigester(digestFunction, digest.size);
  for await (const chunk of chunks) {
    own.update(chunk, digest);
    digester.update(chunk);
  }
  checkDigest(own.finish(), digest);
  return { foreign: digester.finish(), digest };
}

/** Those of `foreign` whose blobs are absent, each once, in their order. */
export async function findMissingForeign(
  store: BlobStore,
  aliases: BlobAliases,
  foreign: readonly ForeignDigest[],
  options: CallOptions = {},
): Promise<ForeignDigest[]> {
  const digests = await aliases.find(foreign, options);
  const known = digests.filter(digest => digest !== undefined);
  const absent = new Set((await store.findMissing(known, options)).map(formatDigest));
  const missing = new Map<string, ForeignDigest>();
  for (const [i, name] of foreign.entries()) {
    const digest = digests[i];
    if (digest === undefined || absent.has(formatDigest(digest))) missing.set(formatForeignDigest(name), name);
  }
  return [...missing.values()];
}
