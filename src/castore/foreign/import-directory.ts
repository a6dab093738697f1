import type { BlobBatch, BlobStore, CallOptions } from '../blob-store.ts';
import { type Digest, formatDigest } from '../digest.ts';
import { encodeDirectory, maxDirectorySize } from '../directory.ts';
import { CastoreError } from '../error.ts';
import type { DirectoryEntry } from '../node.ts';
import type { BlobAliases, DirectoryAlias, DirectoryAliases } from './aliases.ts';
import { type ForeignDigest, checkForeignDigest, formatForeignDigest } from './foreign-digest.ts';
import { type ForeignDirectory, decodeForeignDirectory } from './foreign-directory.ts';
import { type MapTreeOptions, type TreeMapping, displayPlace, mapTree, placeOf } from '../tree/map-tree.ts';

/** A store together with what its blobs and directories are called elsewhere. */
export interface ForeignStore {
  readonly store: BlobStore;
  readonly blobs: BlobAliases;
  readonly directories: DirectoryAliases;
}

/**
 * The directory of ours that says what a foreign `Directory` message and those below it say. The messages, and an alias
 * for every file, must be in the store: `blob/missing` names the path of what is not. The messages stay as they came;
 * what they are mapped to is remembered, so that only what is new costs anything. Throws what `decodeForeignDirectory`
 * throws, and `tree/too-deep`.
 */
export function importForeignDirectory(
  root: ForeignDigest,
  foreign: ForeignStore,
  options: MapTreeOptions = {},
): Promise<Digest> {
  return importMessages(root, foreign, { ...options, read: from => readMessage(from, foreign, options) });
}

export interface ImportMessagesOptions extends MapTreeOptions {
  /** The bytes of a `Directory` message, if they are to be had. */
  readonly read: (from: ForeignDigest) => Promise<Uint8Array | undefined>;
}

/** As `importForeignDirectory`, of messages from anywhere. */
export async function importMessages(
  root: ForeignDigest,
  foreign: ForeignStore,
  { read, ...options }: ImportMessagesOptions,
): Promise<Digest> {
  checkForeignDigest(root);
  await using batch = foreign.store.batch();
  const mapping = new ForeignImport(foreign, batch, { read, signal: options.signal });
  const digest = await mapTree(root, mapping, options);
  await batch.commit({ signal: options.signal });
  await foreign.directories.record(mapping.aliases, { signal: options.signal });
  return digest;
}

/** The bytes of a message that is in the store. */
export async function readMessage(
  from: ForeignDigest,
  { store, blobs }: ForeignStore,
  { signal }: CallOptions,
): Promise<Uint8Array | undefined> {
  const [digest] = await blobs.find([from], { signal });
  return digest && (await store.get(digest, { signal, limit: maxDirectorySize }));
}

class ForeignImport implements TreeMapping<ForeignDigest, ForeignDirectory, Digest> {
  readonly #foreign: ForeignStore;
  readonly #batch: BlobBatch;
  readonly #read: ImportMessagesOptions['read'];
  readonly #signal: AbortSignal | undefined;
  readonly aliases: DirectoryAlias[] = [];

  constructor(foreign: ForeignStore, batch: BlobBatch, { read, signal }: ImportMessagesOptions) {
    this.#foreign = foreign;
    this.#batch = batch;
    this.#read = read;
    this.#signal = signal;
  }

  key(from: ForeignDigest): string {
    return formatForeignDigest(from);
  }

  async find(from: readonly ForeignDigest[]): Promise<(Digest | undefined)[]> {
    const { store, directories } = this.#foreign;
    const found = await directories.find(from, { signal: this.#signal });
    const known = found.filter(digest => digest !== undefined);
    const absent = new Set((await store.findMissing(known, { signal: this.#signal })).map(formatDigest));
    return found.map(digest => (digest !== undefined && absent.has(formatDigest(digest)) ? undefined : digest));
  }

  async read(from: ForeignDigest, place: string): Promise<ForeignDirectory> {
    const bytes = await this.#read(from);
    if (bytes === undefined) throw missing('directory', from, place);
    try {
      return decodeForeignDirectory(bytes, from.function);
    } catch (error) {
      if (!(error instanceof CastoreError)) throw error;
      throw new CastoreError(error.code, `${displayPlace(place)}: ${error.message}`, { cause: error });
    }
  }

  subdirectories({ entries, digestFunction }: ForeignDirectory) {
    return entries.flatMap(({ name, node }) =>
      node.kind === 'directory' ? [{ name, from: { function: digestFunction, ...node.digest } }] : [],
    );
  }

  async write(
    from: ForeignDigest,
    { entries, canonical }: ForeignDirectory,
    place: string,
    mapped: (from: ForeignDigest) => Digest,
  ): Promise<Digest> {
    const named = (digest: { readonly hash: string; readonly size: number }) => ({
      function: from.function,
      ...digest,
    });
    const files = entries.flatMap(({ node }) => (node.kind === 'file' ? [named(node.digest)] : []));
    const digests = await this.#foreign.blobs.find(files, { signal: this.#signal });
    let file = 0;
    const own = entries.map(({ name, node }): DirectoryEntry => {
      if (node.kind === 'symlink') return { name, node };
      if (node.kind === 'directory') return { name, node: { kind: 'directory', digest: mapped(named(node.digest)) } };
      const digest = digests[file++];
      if (digest === undefined) throw missing('file', named(node.digest), placeOf(place, name));
      return { name, node: { kind: 'file', digest, executable: node.executable } };
    });
    const digest = await this.#batch.put(encodeDirectory({ entries: own }), { signal: this.#signal });
    this.aliases.push({ foreign: from, digest, canonical });
    return digest;
  }
}

function missing(what: string, digest: ForeignDigest, place: string): CastoreError {
  return new CastoreError(
    'blob/missing',
    `${displayPlace(place)}: the ${what} ${formatForeignDigest(digest)} is absent`,
  );
}
