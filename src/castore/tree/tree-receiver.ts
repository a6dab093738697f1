import type { TreeSink } from '../../base/index.ts';

/** Takes a tree on its way to blobs: `TreeBuilder`, `TreeDraft`. */
export interface TreeReceiver extends TreeSink {
  roomForData(size: number): Uint8Array;
  /** Waits until few enough bytes are on their way. Throws what has gone wrong. */
  drain(): Promise<void>;
}
