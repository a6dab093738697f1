import type { ByteString, SourcePosition } from '../base/index.ts';
import type { DerivationFile, NixHash, StoreDir, StorePath } from '../nix-compat/index.ts';
import type { EvalNeed, FetchedTree, NeedAnswer } from './needs.ts';

export type FileType = 'regular' | 'directory' | 'symlink' | 'unknown';

export interface FileInfo {
  readonly type: FileType;
  readonly executable: boolean;
}

/**
 * The evaluator's only door to the world. Every call is synchronous: evaluation cannot go on without the answer. Paths
 * are absolute and canonical, as bytes. Whatever cannot be answered throws an error that is passed on as it is.
 */
export interface EvalIO {
  readonly storeDir: StoreDir;

  /** What relative paths outside of programs start from: absolute. */
  readonly workingFolder: ByteString;

  /** Undefined where nothing is at `path`; symlinks are not followed. */
  stat(path: ByteString): FileInfo | undefined;

  readFile(path: ByteString): Uint8Array;

  /** Names and types of a directory's entries. Types that are not at hand are undefined. */
  readDirectory(path: ByteString): ReadonlyMap<ByteString, FileType | undefined>;

  readLink(path: ByteString): ByteString;

  /** Adds a file tree to the store, or only computes where it would be. */
  addPath(addition: PathToAdd): StorePath;

  /**
   * Adds a tree that was fetched, under this name: a file by its contents, a folder as NAR. The evaluation sees it in the
   * store, whether or not that is written.
   */
  addTree(tree: FetchedTree, name: string): AddedTree;

  /** Adds a file of the given contents. */
  addText(name: string, contents: Uint8Array, references: ReadonlySet<StorePath>): StorePath;

  addDerivation(file: DerivationFile): void;

  /**
   * What is known at once of something in the store, or to be there. Undefined suspends the evaluation: whoever drives it
   * answers, or says that there is no such thing, before the next pass (`Evaluator.pass`).
   */
  locate(need: EvalNeed): NeedAnswer | undefined;

  environment(name: string): string | undefined;

  /** In whole seconds since 1970. */
  now(): number;

  say(message: EvalMessage): void;
}

/** What an evaluation says on its way. Texts may have terminal escapes. */
export type EvalMessage =
  /** Of `builtins.trace`. */
  | { readonly kind: 'trace'; readonly text: string }
  /** Of `builtins.warn`. */
  | { readonly kind: 'program-warning'; readonly text: string }
  /** Of `trace-function-calls`. */
  | { readonly kind: 'call-trace'; readonly text: string }
  | { readonly kind: 'warning'; readonly text: string; readonly position?: SourcePosition | undefined };

export interface AddedTree {
  readonly path: StorePath;
  readonly narHash: NixHash;
  /** Of the contents, for a file; of the NAR for a folder. */
  readonly hash: NixHash;
}

export interface PathToAdd {
  readonly path: ByteString;
  readonly name: string;
  readonly method: 'flat' | 'nar';
  /** Whether an entry below `path` is taken; all unless given. */
  readonly filter?: ((path: ByteString, type: FileType) => boolean) | undefined;
  /** What the tree refers to, where it comes from the store; no self-references. */
  readonly references?: readonly StorePath[] | undefined;
}
