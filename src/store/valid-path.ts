import type { Node } from '../castore/index.ts';
import type { PathInfo } from '../nix-compat/index.ts';

/** A store path that a store has: what Nix knows of it, and its tree. */
export interface ValidPath {
  readonly info: PathInfo;
  readonly root: Node;
}
