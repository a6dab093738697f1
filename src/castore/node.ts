import type { ByteString } from '../base/index.ts';
import type { Digest } from './digest.ts';

export interface FileNode {
  readonly kind: 'file';
  readonly digest: Digest;
  readonly executable: boolean;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  /** Of the encoded `Directory`. */
  readonly digest: Digest;
}

export interface SymlinkNode {
  readonly kind: 'symlink';
  /** Not empty, no NUL. */
  readonly target: ByteString;
}

/** What a name in a directory, or a store path, stands for. */
export type Node = FileNode | DirectoryNode | SymlinkNode;

export interface DirectoryEntry {
  /** Not empty, not `.` or `..`, no slash, no NUL. */
  readonly name: ByteString;
  readonly node: Node;
}

/** Entries in strictly ascending byte order of their names. */
export interface Directory {
  readonly entries: readonly DirectoryEntry[];
}
