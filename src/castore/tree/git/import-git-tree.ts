import { type ByteString, byteStringOf } from '../../../base/index.ts';
import type { BlobBatch, CallOptions } from '../../blob-store.ts';
import type { Digest } from '../../digest.ts';
import { maxDirectorySize } from '../../directory.ts';
import { checkSymlinkTarget } from '../../entry-name.ts';
import { CastoreError } from '../../error.ts';
import type { DirectoryNode } from '../../node.ts';
import { ByteSource } from '../byte-source.ts';
import { displayPlace } from '../map-tree.ts';
import { type GitObjectId, type GitTreeEntry, parseGitTree } from './git-object.ts';
import { type GitImportOptions, type GitObjects, maxGitTarget, putGitTree } from './git-tree-mapping.ts';
import { type GitObject, readGitObject, readWholeGitObject } from './read-git-object.ts';

/** Gives an object in the form in which git hashes it (type, blank, size, NUL, contents); undefined if there is none. */
export type FetchGitObject = (
  id: GitObjectId,
  options: CallOptions,
) => Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined>;

/** Files up to this many bytes are added whole. */
const wholeFileLimit = 256 * 1024;

/**
 * Adds a git tree, by the id of its tree object, to a batch. Each object is fetched once and must have the id that it was
 * fetched by (`digest/mismatch`). Throws `blob/missing`, `git-object/malformed` and `git-object/unsupported`, which name
 * the path, and `tree/too-deep`.
 */
export function importGitTree(
  root: GitObjectId,
  fetch: FetchGitObject,
  batch: BlobBatch,
  options: GitImportOptions = {},
): Promise<DirectoryNode> {
  return putGitTree(root, new FetchedObjects(fetch, batch, options.signal), batch, options);
}

class FetchedObjects implements GitObjects {
  readonly #fetch: FetchGitObject;
  readonly #batch: BlobBatch;
  readonly #signal: AbortSignal | undefined;
  readonly #files = new Map<GitObjectId, Promise<Digest>>();
  readonly #targets = new Map<GitObjectId, Promise<ByteString>>();

  constructor(fetch: FetchGitObject, batch: BlobBatch, signal: AbortSignal | undefined) {
    this.#fetch = fetch;
    this.#batch = batch;
    this.#signal = signal;
  }

  tree(id: GitObjectId, place: string): Promise<readonly GitTreeEntry[]> {
    return this.#read(id, 'tree', place, async object =>
      parseGitTree(await readWholeGitObject(object, maxDirectorySize), id),
    );
  }

  file(id: GitObjectId, executable: boolean, place: string): Promise<Digest> {
    return once(this.#files, id, () =>
      this.#read(id, 'blob', place, async object => {
        const options = { executable, signal: this.#signal };
        return object.size <= wholeFileLimit
          ? this.#batch.put(await readWholeGitObject(object, wholeFileLimit), options)
          : this.#batch.putStream(object.contents, options);
      }),
    );
  }

  symlink(id: GitObjectId, place: string): Promise<ByteString> {
    return once(this.#targets, id, () =>
      this.#read(id, 'blob', place, async object => {
        const target = byteStringOf(await readWholeGitObject(object, maxGitTarget));
        checkSymlinkTarget(target);
        return target;
      }),
    );
  }

  async #read<T>(id: GitObjectId, type: string, place: string, take: (object: GitObject) => Promise<T>): Promise<T> {
    const bytes = await this.#fetch(id, { signal: this.#signal });
    if (bytes === undefined) {
      throw new CastoreError('blob/missing', `${displayPlace(place)}: the git object ${id} is absent`);
    }
    try {
      await using source = new ByteSource(bytes);
      const object = await readGitObject(source, id);
      if (object.type === type) return await take(object);
      throw new CastoreError('git-object/malformed', `the git object ${id} is a ${object.type}, wanted is a ${type}`);
    } catch (error) {
      if (!(error instanceof CastoreError)) throw error;
      throw new CastoreError(error.code, `${displayPlace(place)}: ${error.message}`, { cause: error });
    }
  }
}

/** What `make` gave for `key` the first time. */
function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let value = made.get(key);
  if (value === undefined) {
    value = make();
    made.set(key, value);
  }
  return value;
}
