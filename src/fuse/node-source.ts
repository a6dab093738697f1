import type { ByteString } from '../base/index.ts';
import type { CallOptions, Digest, DirectoryEntry, Node } from '../castore/index.ts';

export interface SourceOptions extends CallOptions {
  /** To be called now and then while something comes: who hears nothing for too long gives up. */
  readonly progress: () => void;
}

export interface FetchOptions extends SourceOptions {
  /** Whether the blob is here, but damaged: it is to be had anew. */
  readonly isDamaged: boolean;
  /** The view by which the file was last looked up, or in which the directory is. */
  readonly view: ByteString;
}

/**
 * Where a mount has what is not on this disk. Whatever is thrown makes reads fail with EIO, is reported, and is not remembered:
 * the next read asks again. `signal` is aborted when nobody waits any more, or nothing was heard for too long. Equal
 * questions are asked once at a time.
 */
export interface NodeSource {
  /**
   * Sees to it that a blob is in the data folder, or gives its bytes, which are checked. Undefined when it is there.
   * Directories are blobs.
   */
  fetchBlob(digest: Digest, options: FetchOptions): Promise<Uint8Array | undefined>;

  /** What `name` stands for in the dynamic view `view`, if anything. Asked again after `dynamicValidity`. */
  resolveName?(view: ByteString, name: ByteString, options: SourceOptions): Promise<Node | undefined>;

  /** What a listing of the dynamic view `view` shows, in any order. */
  listNames?(view: ByteString, options: SourceOptions): Promise<readonly DirectoryEntry[]>;

  /** Called with what made reads fail. */
  reportProblem(problem: FuseProblem): void;
}

/** Why reads fail. */
export type FuseProblem =
  /** What is on this disk is not what it should be, and could not be had anew. */
  | { readonly kind: 'damaged'; readonly what: string; readonly message: string }
  /** The source failed, or had nothing. */
  | { readonly kind: 'not fetched'; readonly what: string; readonly message: string }
  /** The source said nothing for too long. */
  | { readonly kind: 'too late'; readonly what: string; readonly message: string }
  /** A failure of this machine, or of Firn. */
  | { readonly kind: 'failure'; readonly what: string; readonly message: string };

/** How long the kernel takes a name of a dynamic view to be what it was, in seconds. */
export const dynamicValidity = 5;
