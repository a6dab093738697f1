import {
  type BlobStore,
  CastoreError,
  type CallOptions,
  type Digest,
  type Node,
  formatDigest,
  readDirectory,
} from '../../castore/index.ts';
import type { RemoteBlobStore } from './remote-blob-store.ts';

/** Bytes of blobs that are on their way at a time, beside one that is larger. */
const groupSize = 64 * 1024 * 1024;

/** Sends what a server lacks of trees that are here. Throws `blob/missing` for what is not, and `GrpcStatus`. */
export async function sendTrees(
  from: BlobStore,
  to: RemoteBlobStore,
  { roots, signal }: CallOptions & { readonly roots: Iterable<Node> },
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
  roots: Iterable<Node>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Digest>> {
  const found = new Map<string, Digest>();
  const pending: Digest[] = [];
  const note = (node: Node) => {
    if (node.kind === 'symlink') return;
    const key = formatDigest(node.digest);
    if (found.has(key)) return;
    found.set(key, node.digest);
    if (node.kind === 'directory') pending.push(node.digest);
  };
  for (const root of roots) note(root);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const { node } of (await readDirectory(from, next, { signal })).entries) note(node);
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
