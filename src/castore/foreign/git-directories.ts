/**
 * Directories as just's native mode has them: git's tree objects (`gittree`), which name files (`gitblob`), symlinks, whose
 * targets are blobs, and further trees by their hashes alone. All of them are blobs of ours under those names.
 */
import { type ByteString, byteStringOf, bytesOf } from '../../base/index.ts';
import type { BlobBatch, CallOptions } from '../blob-store.ts';
import { type Digest, formatDigest } from '../digest.ts';
import { maxDirectorySize } from '../directory.ts';
import { checkSymlinkTarget } from '../entry-name.ts';
import { CastoreError } from '../error.ts';
import type { Directory } from '../node.ts';
import { encodeGitTree } from '../tree/git/encode-git-tree.ts';
import { type GitTreeEntry, parseGitTree } from '../tree/git/git-object.ts';
import { type GitObjects, maxGitTarget, putGitTree } from '../tree/git/git-tree-mapping.ts';
import { type MapTreeOptions, type TreeMapping, displayPlace, mapTree, placeOf } from '../tree/map-tree.ts';
import { readDirectory } from '../tree/read-directory.ts';
import type { BlobAlias } from './aliases.ts';
import { type ForeignDigest, foreignDigestOf } from './foreign-digest.ts';
import type { ForeignStore } from './import-directory.ts';
import { aliasBlob } from './put-foreign.ts';

export interface ImportedGitTree {
  /** The directory of ours that says the same. */
  readonly directory: Digest;
  /** What else it is made of: tree objects, and targets of symlinks. */
  readonly objects: readonly Digest[];
}

/**
 * The directory of ours that a git tree is, all of whose objects are in the store. Throws `blob/missing`,
 * `git-object/malformed` and `git-object/unsupported`, which name the path, and `tree/too-deep`.
 */
export async function importGitDirectory(
  root: ForeignDigest,
  foreign: ForeignStore,
  options: MapTreeOptions = {},
): Promise<ImportedGitTree> {
  await using batch = foreign.store.batch();
  const objects = new StoredObjects(foreign, options);
  const { digest: directory } = await putGitTree(root.hash, objects, batch, options);
  await batch.commit({ signal: options.signal });
  return { directory, objects: objects.read };
}

class StoredObjects implements GitObjects {
  readonly #foreign: ForeignStore;
  readonly #options: CallOptions;
  readonly read: Digest[] = [];

  constructor(foreign: ForeignStore, options: CallOptions) {
    this.#foreign = foreign;
    this.#options = options;
  }

  async tree(id: string, place: string): Promise<readonly GitTreeEntry[]> {
    return parseGitTree(await this.#get({ id, kind: 'gittree', limit: maxDirectorySize }, place), id);
  }

  async file(id: string, _executable: boolean, place: string): Promise<Digest> {
    const [digest] = await this.#foreign.blobs.findByHash('gitblob', [id]);
    const isThere = digest !== undefined && (await this.#foreign.store.findMissing([digest])).length === 0;
    if (!isThere) throw missing('gitblob', id, place);
    return digest;
  }

  async symlink(id: string, place: string): Promise<ByteString> {
    const target = byteStringOf(await this.#get({ id, kind: 'gitblob', limit: maxGitTarget }, place));
    checkSymlinkTarget(target);
    return target;
  }

  async #get(
    { id, kind, limit }: { readonly id: string; readonly kind: 'gittree' | 'gitblob'; readonly limit: number },
    place: string,
  ): Promise<Uint8Array> {
    const { blobs, store } = this.#foreign;
    const [digest] = await blobs.findByHash(kind, [id]);
    const bytes = digest && (await store.get(digest, { ...this.#options, limit }));
    if (digest === undefined || bytes === undefined) throw missing(kind, id, place);
    this.read.push(digest);
    return bytes;
  }
}

function missing(kind: string, id: string, place: string): CastoreError {
  return new CastoreError('blob/missing', `${displayPlace(place)}: the object ${kind}:${id} is absent`);
}

/** The git tree of a directory of ours; it, those below it and targets of symlinks are added. Throws `blob/missing`. */
export async function exportGitDirectory(
  root: Digest,
  foreign: ForeignStore,
  options: MapTreeOptions = {},
): Promise<ForeignDigest> {
  await using batch = foreign.store.batch();
  const mapping = new GitExport(foreign, batch, options.signal);
  const digest = await mapTree(root, mapping, options);
  await batch.commit({ signal: options.signal });
  await foreign.blobs.record(mapping.aliases);
  return digest;
}

class GitExport implements TreeMapping<Digest, Directory, ForeignDigest> {
  readonly #foreign: ForeignStore;
  readonly #batch: BlobBatch;
  readonly #signal: AbortSignal | undefined;
  readonly aliases: BlobAlias[] = [];

  constructor(foreign: ForeignStore, batch: BlobBatch, signal: AbortSignal | undefined) {
    this.#foreign = foreign;
    this.#batch = batch;
    this.#signal = signal;
  }

  key(from: Digest): string {
    return formatDigest(from);
  }

  find(from: readonly Digest[]): Promise<readonly undefined[]> {
    return Promise.resolve(from.map(() => undefined));
  }

  read(from: Digest, place: string): Promise<Directory> {
    return readDirectory(this.#foreign.store, from, { signal: this.#signal, place });
  }

  subdirectories({ entries }: Directory) {
    return entries.flatMap(({ name, node }) => (node.kind === 'directory' ? [{ name, from: node.digest }] : []));
  }

  async write(
    _from: Digest,
    { entries }: Directory,
    place: string,
    mapped: (from: Digest) => ForeignDigest,
  ): Promise<ForeignDigest> {
    const tree: GitTreeEntry[] = [];
    for (const { name, node } of entries) {
      if (node.kind === 'directory') tree.push({ name, kind: 'directory', id: mapped(node.digest).hash });
      else if (node.kind === 'file') {
        const id = await this.#nameFile(node.digest, placeOf(place, name));
        tree.push({ name, kind: node.executable ? 'executable' : 'file', id });
      } else tree.push({ name, kind: 'symlink', id: (await this.#add(bytesOf(node.target), 'gitblob')).hash });
    }
    return this.#add(encodeGitTree(tree), 'gittree');
  }

  async #add(bytes: Uint8Array, kind: 'gitblob' | 'gittree'): Promise<ForeignDigest> {
    const foreign = foreignDigestOf(bytes, kind);
    this.aliases.push({ foreign, digest: await this.#batch.put(bytes, { signal: this.#signal }) });
    return foreign;
  }

  async #nameFile(digest: Digest, place: string): Promise<string> {
    const [known] = await this.#foreign.blobs.findForeign([digest], 'gitblob');
    if (known !== undefined) return known.hash;
    const alias = await aliasBlob(this.#foreign.store, digest, 'gitblob', { signal: this.#signal });
    if (alias === undefined)
      throw new CastoreError('blob/missing', `${displayPlace(place)}: the file ${formatDigest(digest)} is absent`);
    this.aliases.push(alias);
    return alias.foreign.hash;
  }
}
