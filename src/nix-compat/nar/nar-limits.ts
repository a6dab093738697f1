/** Bounds on what a NAR may hold. The defaults are those of C++ Nix 2.34, so that what one accepts the other does. */
export interface NarLimits {
  /** Nodes on the way from the root to any node, both counted. */
  readonly maxDepth: number;
  /** Bytes in the name of a directory entry. */
  readonly maxNameLength: number;
  /** Bytes in the target of a symlink. */
  readonly maxTargetLength: number;
  /** Bytes in one file. C++ Nix allows any 64-bit number; counting in a double is exact up to 2^53. */
  readonly maxFileSize: number;
}

export const defaultNarLimits: NarLimits = {
  maxDepth: 64,
  maxNameLength: 255,
  maxTargetLength: 4095,
  maxFileSize: Number.MAX_SAFE_INTEGER,
};

/** Bytes in a keyword that is read in order to be shown in a message; the longest that exists has 13. */
export const maxTagLength = 32;
