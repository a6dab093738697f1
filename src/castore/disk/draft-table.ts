import type { Node } from '../node.ts';
import { removeTree } from '../tree/remove-tree.ts';
import { type TreeScript, playScript } from '../tree/tree-script.ts';
import { executableFile, plainFile } from './blob-schema.ts';
import { type BlobPlaces, type DraftTree, DraftWriter } from './draft-writer.ts';
import type { FileSystem } from './file-system.ts';
import { type Placing, moveDraft, placeDraft } from './place-draft.ts';

/** The next part of a draft. */
export interface DraftPart {
  readonly id: number;
  /** Where the draft is made. */
  readonly path: string;
  readonly blobs: BlobPlaces;
  readonly script: TreeScript;
  readonly isLast: boolean;
}

/** What a complete draft holds, as it is told to another thread. */
export interface DraftContents {
  readonly root: Node;
  /** Of files that are blobs of the tree: 32 bytes each of `hashes`, in order. */
  readonly hashes: Uint8Array;
  readonly sizes: Float64Array;
  /** Bits of `blobs.files`. */
  readonly kinds: Uint8Array;
  /** Encoded. */
  readonly directories: readonly Uint8Array[];
}

/** A draft that is to be placed. */
export interface DraftPlacing extends Placing {
  readonly id: number;
}

/** Drafts that are being made, or wait for being placed, by their numbers. */
export class DraftTable {
  readonly #fs: FileSystem;
  readonly #blobs = new Map<number, BlobPlaces>();
  readonly #writers = new Map<number, DraftWriter>();
  readonly #trees = new Map<number, DraftTree>();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** Writes a part; after the last the contents. What it throws, parts of that draft that are under way come after. */
  write({ id, path, blobs, script, isLast }: DraftPart): DraftContents | undefined {
    let writer = this.#writers.get(id);
    if (writer === undefined) {
      // It has failed: nobody waits for the rest.
      if (this.#blobs.has(id)) return undefined;
      this.#writers.set(id, (writer = new DraftWriter(this.#fs, path, blobs)));
      this.#blobs.set(id, blobs);
    }
    try {
      playScript(script, writer);
      if (!isLast) return undefined;
      const tree = writer.finish();
      this.#writers.delete(id);
      this.#trees.set(id, tree);
      return contentsOf(tree);
    } catch (error) {
      this.#writers.delete(id);
      writer[Symbol.dispose]();
      throw error;
    }
  }

  /** Throws what `placeDraft` does; the draft is then still to be discarded. */
  place({ id, ...placing }: DraftPlacing): void {
    const tree = this.#trees.get(id);
    const blobs = this.#blobs.get(id);
    if (tree === undefined || blobs === undefined) throw new TypeError('there is no such draft');
    placeDraft(this.#fs, tree, placing, blobs);
    this.#trees.delete(id);
    this.#blobs.delete(id);
  }

  /** Throws what `moveDraft` does; the draft is then still to be discarded. */
  move(id: number, target: string): DraftTree {
    const tree = this.#trees.get(id);
    if (tree === undefined) throw new TypeError('there is no such draft');
    const moved = moveDraft(this.#fs, tree, target);
    this.#trees.delete(id);
    this.#blobs.delete(id);
    return moved;
  }

  /** What is on the disk of a draft, for syncing it file by file. */
  treeOf(id: number): DraftTree | undefined {
    return this.#trees.get(id);
  }

  /** Removes the draft at `path`, unless it was placed. */
  discard(id: number, path: string): void {
    if (!this.#blobs.delete(id)) return;
    this.#writers.get(id)?.[Symbol.dispose]();
    this.#writers.delete(id);
    this.#trees.delete(id);
    removeTree(path);
  }
}

function contentsOf({ root, files, directories }: DraftTree): DraftContents {
  const hashes = Buffer.alloc(32 * files.length);
  const sizes = new Float64Array(files.length);
  const kinds = new Uint8Array(files.length);
  for (const [i, { hash, size, executable }] of files.entries()) {
    hashes.write(hash, 32 * i, 'hex');
    sizes[i] = size;
    kinds[i] = executable ? executableFile : plainFile;
  }
  return { root, hashes, sizes, kinds, directories };
}
