import { type ByteString, mapConcurrent, unreachable } from '../../../base/index.ts';
import type { BlobBatch, CallOptions } from '../../blob-store.ts';
import type { Digest } from '../../digest.ts';
import { DirectoryBuilder } from '../../directory-builder.ts';
import { encodeDirectory } from '../../directory.ts';
import { CastoreError } from '../../error.ts';
import type { DirectoryNode, Node } from '../../node.ts';
import { type TreeMapping, displayPlace, mapTree, placeOf } from '../map-tree.ts';
import { defaultMaxDepth } from '../walk.ts';
import { type GitObjectId, type GitTreeEntry, checkGitObjectId } from './git-object.ts';

/** Where the mapping of a git tree has its objects from; each throws when it lacks one. */
export interface GitObjects {
  tree(id: GitObjectId, place: string): Promise<readonly GitTreeEntry[]>;
  /** The blob in our batch. */
  file(id: GitObjectId, executable: boolean, place: string): Promise<Digest>;
  /** The blob as a symlink's target. */
  symlink(id: GitObjectId, place: string): Promise<ByteString>;
}

export interface GitImportOptions extends CallOptions {
  /** What becomes of submodules: they are refused (`git-object/unsupported`), unless they are to be empty directories, as git checks them out. */
  readonly submodules?: 'refuse' | 'empty';
  /** Directories within directories beyond which a tree is refused; 64 unless given. */
  readonly maxDepth?: number;
  /** Blobs that are fetched at a time; 16 unless given. */
  readonly concurrency?: number;
}

/** Bytes of a symlink's target, which is held in memory. */
export const maxGitTarget = 64 * 1024;

/** Adds the directories of a git tree to a batch. */
export async function putGitTree(
  root: GitObjectId,
  objects: GitObjects,
  batch: BlobBatch,
  options: GitImportOptions,
): Promise<DirectoryNode> {
  checkGitObjectId(root);
  const mapping = new GitTreeMapping(objects, batch, options);
  const { signal, maxDepth = defaultMaxDepth } = options;
  return { kind: 'directory', digest: await mapTree(root, mapping, { signal, maxDepth }) };
}

class GitTreeMapping implements TreeMapping<GitObjectId, readonly GitTreeEntry[], Digest> {
  readonly #objects: GitObjects;
  readonly #batch: BlobBatch;
  readonly #options: GitImportOptions;

  constructor(objects: GitObjects, batch: BlobBatch, options: GitImportOptions) {
    this.#objects = objects;
    this.#batch = batch;
    this.#options = options;
  }

  key(from: GitObjectId): string {
    return from;
  }

  find(): Promise<readonly undefined[]> {
    return Promise.resolve([]);
  }

  read(from: GitObjectId, place: string): Promise<readonly GitTreeEntry[]> {
    return this.#objects.tree(from, place);
  }

  subdirectories(entries: readonly GitTreeEntry[]) {
    return entries.flatMap(({ name, kind, id }) => (kind === 'directory' ? [{ name, from: id }] : []));
  }

  async write(
    _from: GitObjectId,
    entries: readonly GitTreeEntry[],
    place: string,
    mapped: (from: GitObjectId) => Digest,
  ): Promise<Digest> {
    const { signal, concurrency = 16 } = this.#options;
    const nodes = await mapConcurrent(entries, { limit: concurrency, signal }, entry =>
      this.#nodeOf(entry, placeOf(place, entry.name), mapped),
    );
    const builder = new DirectoryBuilder();
    for (const [i, { name }] of entries.entries()) {
      const node = nodes[i];
      if (node !== undefined) builder.add(name, node);
    }
    return this.#batch.put(encodeDirectory(builder.build()), { signal });
  }

  async #nodeOf({ kind, id }: GitTreeEntry, place: string, mapped: (from: GitObjectId) => Digest): Promise<Node> {
    switch (kind) {
      case 'directory':
        return { kind, digest: mapped(id) };
      case 'symlink':
        return { kind, target: await this.#objects.symlink(id, place) };
      case 'file':
      case 'executable': {
        const executable = kind === 'executable';
        return { kind: 'file', digest: await this.#objects.file(id, executable, place), executable };
      }
      case 'submodule': {
        if (this.#options.submodules === 'empty') {
          return { kind: 'directory', digest: await this.#batch.put(encodeDirectory({ entries: [] })) };
        }
        throw new CastoreError('git-object/unsupported', `${displayPlace(place)} is a submodule, of the commit ${id}`);
      }
      default:
        return unreachable(kind);
    }
  }
}
