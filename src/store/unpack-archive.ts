import {
  type CallOptions,
  type DirectoryEntry,
  DiskBlobStore,
  type Node,
  importTar,
  readDirectory,
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
 * Unpacks an archive of tar's, which may be compressed, into a castore of its own in `folder`, which is made: not in
 * memory, since archives can have hundreds of megabytes. Throws `archive/…` and `cache/codec-failed`.
 */
export async function unpackArchive(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
  { signal }: CallOptions = {},
): Promise<UnpackedArchive> {
  await using stack = new AsyncDisposableStack();
  const blobs = stack.use(new DiskBlobStore(folder));
  let root: Node;
  let lastModified: number | undefined;
  {
    await using batch = blobs.batch();
    ({ root, lastModified } = await importTar(decompress(archive, undefined, { signal }), batch, { signal }));
    await batch.commit();
  }
  const entries = root.kind === 'directory' ? (await readDirectory(blobs, root.digest, { signal })).entries : [];
  const resources = stack.move();
  return { blobs, root, entries, lastModified, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}
