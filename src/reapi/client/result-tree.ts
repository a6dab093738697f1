import { byteStringFromText } from '../../base/index.ts';
import type { BlobStore, CallOptions, Node } from '../../castore/index.ts';
import type { ActionResult } from '../../proto/index.ts';
import { ownDigestOf } from '../digests/own-digest.ts';
import { ReapiError } from '../error.ts';
import { TreeBlobs } from '../store/tree-blobs.ts';
import { decodeTree, maxTreeSize } from '../store/tree-message.ts';

/** What an action left at one of its paths, and where that is read. */
export interface ResultTree {
  readonly node: Node;
  readonly blobs: BlobStore;
}

/**
 * The output at `path`, as the result writes it; undefined where there is none. Throws `blobs/missing`, `entry/malformed`, and
 * `digest/malformed` for what is not named by SHA-256.
 */
export async function resultTree(
  blobs: BlobStore,
  { result, path, signal }: CallOptions & { readonly result: ActionResult; readonly path: string },
): Promise<ResultTree | undefined> {
  const isIt = (output: { readonly path: string }) => output.path === path;
  const what = `the digest of the output '${path}'`;
  const file = result.outputFiles.find(isIt);
  if (file !== undefined)
    return { blobs, node: { kind: 'file', digest: ownDigestOf(file.digest, what), executable: file.isExecutable } };
  const links = [result.outputSymlinks, result.outputFileSymlinks, result.outputDirectorySymlinks];
  const link = links.flat().find(isIt);
  if (link !== undefined) return { blobs, node: { kind: 'symlink', target: byteStringFromText(link.target) } };
  const directory = result.outputDirectories.find(isIt);
  if (directory === undefined) return undefined;
  const { treeDigest, rootDirectoryDigest } = directory;
  // One message in place of one for each directory; servers give it unless they were asked not to.
  if (treeDigest === undefined)
    return { blobs, node: { kind: 'directory', digest: ownDigestOf(rootDirectoryDigest, what) } };
  const bytes = await blobs.get(ownDigestOf(treeDigest, what), { signal, limit: maxTreeSize });
  if (bytes === undefined)
    throw new ReapiError('blobs/missing', `the server lacks the output '${path}' that it tells of`);
  const { root, directories } = decodeTree(bytes);
  return { blobs: new TreeBlobs(blobs, directories), node: { kind: 'directory', digest: root } };
}
