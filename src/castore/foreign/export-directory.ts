import { type ByteString, displayBytes, textOf } from '../../base/index.ts';
import type { BlobBatch } from '../blob-store.ts';
import { type Digest, formatDigest } from '../digest.ts';
import { type AnyEntry, encodeEntries } from '../directory.ts';
import { CastoreError } from '../error.ts';
import type { Directory } from '../node.ts';
import { readDirectory } from '../tree/read-directory.ts';
import type { BlobAlias, DirectoryAlias } from './aliases.ts';
import { type DigestFunction, type ForeignDigest, foreignDigestOf } from './foreign-digest.ts';
import type { ForeignStore } from './import-directory.ts';
import { type MapTreeOptions, type TreeMapping, displayPlace, mapTree, placeOf } from '../tree/map-tree.ts';
import { aliasBlob } from './put-foreign.ts';

/**
 * The `Directory` message that says in another digest function what a directory of ours says; it and those below it
 * are added to the store, files are hashed whose digest in that function is not known, and all of it is remembered.
 * `sha256` needs no other message. `blob/missing` names the path of what is absent; `directory/not-utf8` what REAPI's
 * strings cannot hold.
 */
export async function exportForeignDirectory(
  root: Digest,
  digestFunction: DigestFunction,
  foreign: ForeignStore,
  options: MapTreeOptions = {},
): Promise<ForeignDigest> {
  if (digestFunction === 'sha256') return { function: digestFunction, ...root };
  await using batch = foreign.store.batch();
  const mapping = new ForeignExport(digestFunction, foreign, batch, options.signal);
  const digest = await mapTree(root, mapping, options);
  await batch.commit({ signal: options.signal });
  await foreign.blobs.record(mapping.blobAliases, { signal: options.signal });
  await foreign.directories.record(mapping.directoryAliases, { signal: options.signal });
  return digest;
}

/** Refuses what REAPI's strings, which are UTF-8, cannot hold: `directory/not-utf8`, naming the path below `place`. */
export function checkUtf8Names({ entries }: Directory, place: string): void {
  for (const { name, node } of entries) {
    if (textOf(name) === undefined) throw notUtf8('name', name, placeOf(place, name));
    if (node.kind === 'symlink' && textOf(node.target) === undefined) {
      throw notUtf8('symlink target', node.target, placeOf(place, name));
    }
  }
}

function notUtf8(what: string, text: ByteString, place: string): CastoreError {
  const message = `${displayPlace(place)}: the ${what} '${displayBytes(text)}' is no UTF-8, as other REAPI services need it`;
  return new CastoreError('directory/not-utf8', message);
}

class ForeignExport implements TreeMapping<Digest, Directory, ForeignDigest> {
  readonly #function: DigestFunction;
  readonly #foreign: ForeignStore;
  readonly #batch: BlobBatch;
  readonly #signal: AbortSignal | undefined;
  readonly blobAliases: BlobAlias[] = [];
  readonly directoryAliases: DirectoryAlias[] = [];
  /** Of this mapping, by the file's digest, since what it found out is recorded only at its end. */
  readonly #hashed = new Map<string, ForeignDigest>();

  constructor(
    digestFunction: DigestFunction,
    foreign: ForeignStore,
    batch: BlobBatch,
    signal: AbortSignal | undefined,
  ) {
    this.#function = digestFunction;
    this.#foreign = foreign;
    this.#batch = batch;
    this.#signal = signal;
  }

  key(from: Digest): string {
    return formatDigest(from);
  }

  /** Those whose message is still in the store. */
  async find(from: readonly Digest[]): Promise<(ForeignDigest | undefined)[]> {
    const { store, blobs, directories } = this.#foreign;
    const found = await directories.findForeign(from, this.#function, { signal: this.#signal });
    const messages = await blobs.find(
      found.filter(digest => digest !== undefined),
      { signal: this.#signal },
    );
    const known = messages.filter(digest => digest !== undefined);
    const absent = new Set((await store.findMissing(known, { signal: this.#signal })).map(formatDigest));
    let next = 0;
    return found.map(digest => {
      if (digest === undefined) return undefined;
      const message = messages[next++];
      return message === undefined || absent.has(formatDigest(message)) ? undefined : digest;
    });
  }

  async read(from: Digest, place: string): Promise<Directory> {
    let directory: Directory;
    try {
      directory = await readDirectory(this.#foreign.store, from, { signal: this.#signal });
    } catch (error) {
      if (!(error instanceof CastoreError)) throw error;
      throw new CastoreError(error.code, `${displayPlace(place)}: ${error.message}`, { cause: error });
    }
    checkUtf8Names(directory, place);
    return directory;
  }

  subdirectories({ entries }: Directory) {
    return entries.flatMap(({ name, node }) => (node.kind === 'directory' ? [{ name, from: node.digest }] : []));
  }

  async write(
    from: Digest,
    { entries }: Directory,
    place: string,
    mapped: (from: Digest) => ForeignDigest,
  ): Promise<ForeignDigest> {
    const files = entries.flatMap(({ node }) => (node.kind === 'file' ? [node.digest] : []));
    const known = await this.#foreign.blobs.findForeign(files, this.#function, { signal: this.#signal });
    let file = 0;
    const foreign: AnyEntry[] = [];
    for (const { name, node } of entries) {
      if (node.kind === 'symlink') foreign.push({ name, node });
      else if (node.kind === 'directory')
        foreign.push({ name, node: { kind: 'directory', digest: mapped(node.digest) } });
      else {
        const digest = known[file++] ?? (await this.#hashFile(node.digest, placeOf(place, name)));
        foreign.push({ name, node: { kind: 'file', digest, executable: node.executable } });
      }
    }
    const message = encodeEntries(foreign);
    const digest = foreignDigestOf(message, this.#function);
    this.blobAliases.push({ foreign: digest, digest: await this.#batch.put(message, { signal: this.#signal }) });
    this.directoryAliases.push({ foreign: digest, digest: from, canonical: true });
    return digest;
  }

  async #hashFile(digest: Digest, place: string): Promise<ForeignDigest> {
    const hashed = this.#hashed.get(formatDigest(digest));
    if (hashed !== undefined) return hashed;
    const alias = await aliasBlob(this.#foreign.store, digest, this.#function, { signal: this.#signal });
    if (alias === undefined) {
      throw new CastoreError('blob/missing', `${displayPlace(place)}: the file ${formatDigest(digest)} is absent`);
    }
    this.blobAliases.push(alias);
    this.#hashed.set(formatDigest(digest), alias.foreign);
    return alias.foreign;
  }
}
