import { createWriteStream, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import {
  type BlobBatch,
  type CallOptions,
  type DirectoryEntry,
  DiskBlobStore,
  type ImportedArchive,
  type Node,
  importTar,
  importZip,
  isZip,
  readDirectory,
  zipHeadSize,
} from '../castore/index.ts';
import { decompress } from './binary-cache/decompress.ts';

/** The tree in an archive. Disposing of it gives up its blobs. */
export interface UnpackedArchive extends AsyncDisposable {
  readonly blobs: DiskBlobStore;
  readonly root: Node;
  /** Of the root. */
  readonly entries: readonly DirectoryEntry[];
  /** When the newest entry was changed, in seconds of Unix time; undefined for an archive without entries. */
  readonly lastModified: number | undefined;
}

/**
 * Unpacks an archive of tar's, which may be compressed, or of zip's, into a castore of its own in `folder`, which is made: not in
 * memory, since archives can have hundreds of megabytes. Throws `archive/…` and `cache/codec-failed`.
 */
export async function unpackArchive(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
  { signal }: CallOptions = {},
): Promise<UnpackedArchive> {
  await using stack = new AsyncDisposableStack();
  const blobs = stack.use(new DiskBlobStore(folder));
  const { head, all } = await peek(archive);
  await using batch = blobs.batch();
  const { root, lastModified } = isZip(head)
    ? await importZipStream(all, batch, { file: `${folder}.zip`, signal })
    : await importTar(decompress(all, undefined, { signal }), batch, { signal });
  await batch.commit();
  const entries = root.kind === 'directory' ? (await readDirectory(blobs, root.digest, { signal })).entries : [];
  const resources = stack.move();
  return { blobs, root, entries, lastModified, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

interface ZipStreamOptions extends CallOptions {
  /** Where the archive is meanwhile: what it has is listed at its end. */
  readonly file: string;
}

async function importZipStream(
  archive: AsyncIterable<Uint8Array>,
  batch: BlobBatch,
  { file, signal }: ZipStreamOptions,
): Promise<ImportedArchive> {
  try {
    await pipeline(archive, createWriteStream(file, { flags: 'wx', mode: 0o600 }), { signal });
    return await importZip(file, batch, { signal });
  } finally {
    rmSync(file, { force: true });
  }
}

interface Peeked {
  /** Its first bytes: as many as it takes to tell what it is, or more; fewer if there are no more. */
  readonly head: Uint8Array;
  /** All, these included. */
  readonly all: AsyncIterable<Uint8Array>;
}

async function peek(source: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const chunks = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.byteLength < zipHeadSize) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = head.byteLength === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return { head, all: rejoin(head, chunks) };
}

async function* rejoin(head: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    if (head.byteLength > 0) yield head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}
