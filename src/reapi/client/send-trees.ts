import {
  type BlobStore,
  CastoreError,
  type CallOptions,
  type Digest,
  type Node,
  checkUtf8Names,
  formatDigest,
  readDirectory,
} from '../../castore/index.ts';
import type { RemoteBlobStore } from './remote-blob-store.ts';

/** Bytes of blobs that are on their way at a time, beside one that is larger. */
const groupSize = 64 * 1024 * 1024;

/**
 * Sends what a server lacks of trees that are here, by what messages call them. Throws `blob/missing` for what is not,
 * `directory/not-utf8` for what REAPI cannot say, and `GrpcStatus`.
 */
export async function sendTrees(
  from: BlobStore,
  to: RemoteBlobStore,
  { roots, signal }: CallOptions & { readonly roots: ReadonlyMap<string, Node> },
): Promise<void> {
  const blobs = await blobsOf(from, roots, signal);
  let group: Digest[] = [];
  let size = 0;
  for (const digest of await to.findMissing([...blobs.values()], { signal })) {
    if (size + digest.size > groupSize && group.length > 0) {
      await send(from, to, { group, signal });
      [group, size] = [[], 0];
    }
    group.push(digest);
    size += digest.size;
  }
  if (group.length > 0) await send(from, to, { group, signal });
}

/** All directories and files of trees, each once. */
async function blobsOf(
  from: BlobStore,
  roots: ReadonlyMap<string, Node>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Digest>> {
  const found = new Map<string, Digest>();
  const pending: { readonly digest: Digest; readonly place: string }[] = [];
  const note = (node: Node, place: string) => {
    if (node.kind === 'symlink') return;
    const { digest } = node;
    const key = formatDigest(digest);
    if (found.has(key)) return;
    found.set(key, digest);
    if (node.kind === 'directory') pending.push({ digest, place });
  };
  for (const [name, root] of roots) note(root, name);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { digest, place } = next;
    const directory = await readDirectory(from, digest, { signal, place });
    checkUtf8Names(directory, place);
    for (const { name, node } of directory.entries) note(node, `${place}/${name}`);
  }
  return found;
}

async function send(
  from: BlobStore,
  to: RemoteBlobStore,
  { group, signal }: CallOptions & { readonly group: readonly Digest[] },
): Promise<void> {
  await using batch = to.batch();
  for (const expected of group) {
    const chunks = await from.open(expected, { signal });
    if (chunks === undefined) throw new CastoreError('blob/missing', `the blob ${formatDigest(expected)} is absent`);
    await batch.putStream(chunks, { expected, signal });
  }
  await batch.commit({ signal });
}
