import type { TreeSink } from '../../base/index.ts';

/** Takes a tree on its way to blobs: `TreeBuilder`, `TreeDraft`. */
export interface TreeReceiver extends TreeSink {
  /**
   * Memory of 1 to `size` bytes for the contents that come next: what is read into its beginning and given to `fileData`
   * as the next event is not copied.
   */
  roomForData(size: number): Uint8Array;
  /** Waits until few enough bytes are on their way. Throws what has gone wrong. */
  drain(): Promise<void>;
}
