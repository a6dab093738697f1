import type { BlobStore, CallOptions } from '../blob-store.ts';
import { formatDigest } from '../digest.ts';
import { decodeDirectory, maxDirectorySize } from '../directory.ts';
import { CastoreError } from '../error.ts';
import type { Directory, DirectoryNode, Node } from '../node.ts';
import { type FsPath, displayFsPath, joinFsPath } from './fs-path.ts';
import { defaultMaxDepth } from './walk.ts';

/** A node and where it stands; a directory comes once before what is in it and once after. */
export type Visit =
  | { readonly step: 'node'; readonly path: FsPath; readonly node: Node }
  | { readonly step: 'leave'; readonly path: FsPath };

/** Reads the directory that `node` names; `path` is for the message of `blob/missing`. */
export async function readDirectory(
  store: BlobStore,
  node: DirectoryNode,
  path: FsPath,
  options: CallOptions = {},
): Promise<Directory> {
  const bytes = await store.get(node.digest, { ...options, limit: maxDirectorySize });
  if (bytes === undefined) {
    throw new CastoreError(
      'blob/missing',
      `the directory '${displayFsPath(path)}' (${formatDigest(node.digest)}) is not in the store`,
    );
  }
  return decodeDirectory(bytes);
}

/** Visits a tree in the order of a NAR, below `path`. */
export async function* walkNodes(
  store: BlobStore,
  node: Node,
  path: FsPath,
  options: CallOptions = {},
): AsyncGenerator<Visit, void> {
  yield* visit(node, path, 0);

  async function* visit(at: Node, place: FsPath, depth: number): AsyncGenerator<Visit, void> {
    options.signal?.throwIfAborted();
    if (depth >= defaultMaxDepth) {
      throw new CastoreError(
        'tree/too-deep',
        `path '${displayFsPath(place)}' exceeds the maximum directory depth of ${defaultMaxDepth}`,
      );
    }
    yield { step: 'node', path: place, node: at };
    if (at.kind !== 'directory') return;
    const { entries } = await readDirectory(store, at, place, options);
    for (const { name, node: child } of entries) {
      const childPath = joinFsPath(place, name);
      if (child.kind === 'directory') yield* visit(child, childPath, depth + 1);
      else yield { step: 'node', path: childPath, node: child };
    }
    yield { step: 'leave', path: place };
  }
}
