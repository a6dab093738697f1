import type { ByteString, TreeSink } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { defaultNarLimits } from './nar-limits.ts';
import {
  directoryNodeSize,
  entrySize,
  fileContentsOffset,
  fileNodeSize,
  narMagicSize,
  symlinkNodeSize,
} from './nar-size.ts';

/** Files, directories and symlinks in one listing: 1 GB of memory, or less. */
export const maxListedNodes = 4_000_000;

/** The `)` of a directory, or of an entry. */
const closeSize = 16;

/** What a NAR holds, without the contents of files. */
export type NarListing = ListedFile | ListedDirectory | ListedSymlink;

export interface ListedFile {
  readonly type: 'regular';
  readonly executable: boolean;
  /** In bytes; undefined if the source of the listing did not tell. */
  readonly size: number | undefined;
  /** Where the contents start in the NAR, in bytes; undefined if no NAR was read. */
  readonly narOffset: number | undefined;
}

export interface ListedDirectory {
  readonly type: 'directory';
  readonly entries: ReadonlyMap<ByteString, NarListing>;
}

export interface ListedSymlink {
  readonly type: 'symlink';
  readonly target: ByteString;
}

/** The node at `path` below `listing`; undefined if there is none. */
export function findListed(listing: NarListing, path: Iterable<ByteString>): NarListing | undefined {
  let node: NarListing | undefined = listing;
  for (const name of path) node = node?.type === 'directory' ? node.entries.get(name) : undefined;
  return node;
}

/**
 * Lists the tree whose events it gets. Where contents start follows from the sizes of all before them, so a tree that
 * never was a NAR gets the offsets that its NAR would have.
 */
export class NarLister implements TreeSink {
  #root: NarListing | undefined;
  readonly #open: Map<ByteString, NarListing>[] = [];
  readonly #maxDepth: number;
  readonly #maxNodes: number;
  #nodes = 0;
  #name: ByteString | undefined;
  #position = narMagicSize;

  /** `maxDepth` as in NarLimits; beyond `maxNodes` the tree is refused with `nar/too-many-nodes`. */
  constructor(maxDepth: number = defaultNarLimits.maxDepth, maxNodes: number = maxListedNodes) {
    this.#maxDepth = maxDepth;
    this.#maxNodes = maxNodes;
  }

  /** The listing once the root has ended, else undefined. */
  get listing(): NarListing | undefined {
    return this.#open.length === 0 ? this.#root : undefined;
  }

  startDirectory(): void {
    if (this.#open.length >= this.#maxDepth)
      throw new NixCompatError('nar/too-deep', `path exceeds maximum NAR directory depth of ${this.#maxDepth}`);
    const entries = new Map<ByteString, NarListing>();
    this.#add({ type: 'directory', entries });
    this.#position += directoryNodeSize - closeSize;
    this.#open.push(entries);
  }

  entry(name: ByteString): void {
    this.#name = name;
    this.#position += entrySize(name.length) - closeSize;
  }

  endDirectory(): void {
    this.#open.pop();
    this.#endNode(closeSize);
  }

  startFile(executable: boolean, size: number): void {
    const narOffset = this.#position + fileContentsOffset(executable);
    this.#add({ type: 'regular', executable, size, narOffset });
    this.#endNode(fileNodeSize(executable, size));
  }

  fileData(): void {}

  endFile(): void {}

  symlink(target: ByteString): void {
    this.#add({ type: 'symlink', target });
    this.#endNode(symlinkNodeSize(target.length));
  }

  #add(node: NarListing): void {
    if (++this.#nodes > this.#maxNodes) {
      const message = `the tree has more than ${this.#maxNodes} files, directories and symlinks, which no listing holds`;
      throw new NixCompatError('nar/too-many-nodes', message);
    }
    const directory = this.#open.at(-1);
    if (directory === undefined) this.#root = node;
    else if (this.#name !== undefined) directory.set(this.#name, node);
  }

  /** Moves on by `size`, the bytes of the node that were not counted yet, and to the end of the entry it is in. */
  #endNode(size: number): void {
    this.#position += size + (this.#open.length > 0 ? closeSize : 0);
  }
}
