import { type TreeSink, teeTree } from '../../base/index.ts';
import type { BlobBatch, CallOptions } from '../blob-store.ts';
import type { Node } from '../node.ts';
import type { FsPath } from './fs-path.ts';
import { TreeBuilder } from './tree-builder.ts';
import { type WalkOptions, walkTree } from './walk.ts';

export interface ImportOptions extends CallOptions, WalkOptions {
  /** Receive the tree's events in the same pass: a NAR hash, a search for references. */
  readonly observers?: readonly TreeSink[];
}

/**
 * Adds the file tree at `path` to a batch, reading every file once, and returns its root. Files are read and observed
 * in order on this thread while earlier ones are written by the system's thread pool; what is on its way is bounded.
 * Throws what `walkTree` throws.
 */
export async function importTree(path: FsPath, batch: BlobBatch, options: ImportOptions = {}): Promise<Node> {
  const { observers = [], signal, ...walk } = options;
  await using builder = new TreeBuilder(batch, { signal });
  const events = walkTree(path, teeTree(...observers, builder), {
    // Contents are read to where they are added from.
    buffer: size => builder.roomForData(size),
    ...walk,
  });
  // Waited for even where there is room: that is when earlier files get on.
  for (const _ of events) await builder.drain();
  // Awaited here: the builder is disposed of when this function is left.
  return await builder.finish();
}
