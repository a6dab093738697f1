import type { BlobStore, CallOptions } from '../blob-store.ts';
import { CastoreError } from '../error.ts';
import type { Node } from '../node.ts';
import { type FsPath, displayFsPath, joinFsPath } from './fs-path.ts';
import { readDirectory } from './read-directory.ts';
import { defaultMaxDepth } from './walk.ts';

/** A node and where it stands; a directory comes once before what is in it and once after. */
export type Visit =
  | { readonly step: 'node'; readonly path: FsPath; readonly node: Node }
  | { readonly step: 'leave'; readonly path: FsPath };

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
    const { entries } = await readDirectory(store, at.digest, { ...options, place: displayFsPath(place) });
    for (const { name, node: child } of entries) {
      const childPath = joinFsPath(place, name);
      if (child.kind === 'directory') yield* visit(child, childPath, depth + 1);
      else yield { step: 'node', path: childPath, node: child };
    }
    yield { step: 'leave', path: place };
  }
}
