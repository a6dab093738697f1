import type { BlobBatch } from '../../blob-store.ts';
import type { Node } from '../../node.ts';
import { DraftDirectory, putDraft } from '../draft-tree.ts';
import type { ArchiveDraftOptions } from '../archive-import.ts';
import { draftTar } from './import-tar.ts';
import { layOver } from './lay-over.ts';

export type LayersOptions = Pick<ArchiveDraftOptions, 'limits' | 'onSpecial' | 'signal'>;

/**
 * Adds the tree that layers make, the lowest first, each a tar archive (uncompressed) with whiteouts: see `layOver`. A
 * layer is asked for when those below have been read. Limits are a layer's. Throws as `importTar`, and what the layers throw.
 */
export async function importLayers(
  layers: AsyncIterable<AsyncIterable<Uint8Array>> | Iterable<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>,
  batch: BlobBatch,
  options: LayersOptions = {},
): Promise<Node> {
  const below = new DraftDirectory();
  for await (const layer of layers) {
    const { root } = await draftTar(layer, batch, { ...options, below });
    layOver(below, root);
  }
  return putDraft(batch, below, { signal: options.signal });
}
