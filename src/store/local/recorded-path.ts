import type { Node } from '../../castore/index.ts';
import type { PathInfo } from '../../nix-compat/index.ts';

/** A valid path as the tables have it. */
export interface RecordedPath {
  readonly info: PathInfo;
  /** Undefined where the tree is in the store directory alone, and nothing of it in the castore. */
  readonly root: Node | undefined;
}
