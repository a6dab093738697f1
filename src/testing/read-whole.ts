import assert from 'node:assert/strict';
import type { BlobStore, Digest, ReadOptions } from '../castore/index.ts';

/** The bytes, or the range of them, that `open` gives. The blob must be there. */
export async function readWhole(store: BlobStore, digest: Digest, options: ReadOptions = {}): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const chunk of (await store.open(digest, options)) ?? assert.fail(`${digest.hash} is absent`)) {
    pieces.push(Buffer.from(chunk));
  }
  return Buffer.concat(pieces);
}
