import { type ByteString, byteStringOf } from '../../../base/index.ts';
import type { BlobBatch } from '../../blob-store.ts';
import type { Digest } from '../../digest.ts';
import { maxDirectorySize } from '../../directory.ts';
import { checkSymlinkTarget } from '../../entry-name.ts';
import { CastoreError } from '../../error.ts';
import type { DirectoryNode } from '../../node.ts';
import { Additions } from '../additions.ts';
import { ByteSource } from '../byte-source.ts';
import { displayPlace } from '../map-tree.ts';
import { type GitObjectId, type GitTreeEntry, checkGitObjectId, parseGitTree } from './git-object.ts';
import { type GitImportOptions, type GitObjects, maxGitTarget, putGitTree } from './git-tree-mapping.ts';
import { type GitObject, readWholeGitObject, verifyGitObject } from './read-git-object.ts';

/** The longest first line of an object: an id of 64 digits, a type, a size. */
const maxLineLength = 128;
const line = /^([0-9a-f]{40}|[0-9a-f]{64}) (blob|tree|commit|tag) (0|[1-9][0-9]{0,14})$/;

/** Files up to this many bytes are added while the next ones are read. */
const wholeFileLimit = 256 * 1024;

/**
 * Adds a git tree to a batch from a stream of objects as `git cat-file --batch` writes them:
 *
 *     git rev-list --objects ROOT^{tree} | cut -d' ' -f1 | git cat-file --batch
 *
 * Trees come before the blobs they name, as they do there, since only they tell which blobs are symlinks; a blob that comes as
 * a file of one tree may be a short symlink of a later one. Objects that
 * the tree does not need are verified and passed over. Throws as `importGitTree` does.
 */
export async function importGitStream(
  root: GitObjectId,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  batch: BlobBatch,
  options: GitImportOptions = {},
): Promise<DirectoryNode> {
  checkGitObjectId(root);
  await using bytes = new ByteSource(source);
  await using additions = new Additions(options);
  const objects = new GatheredObjects(batch, additions, options.signal);
  for (let object = await nextObject(bytes); object !== undefined; object = await nextObject(bytes)) {
    options.signal?.throwIfAborted();
    await objects.add(object);
    if ((await bytes.readUntil(0x0a, 1))?.byteLength !== 0)
      throw malformed('an object is not followed by a line feed', bytes.offset);
  }
  await additions.settle();
  // Awaited here, before the additions are disposed of.
  return await putGitTree(root, objects, batch, options);
}

async function nextObject(source: ByteSource): Promise<GitObject | undefined> {
  const start = source.offset;
  const bytes = await source.readUntil(0x0a, maxLineLength);
  if (bytes === undefined && source.offset === start) return undefined;
  const text = Buffer.from(bytes ?? []).toString('latin1');
  const [, id, type, digits] = line.exec(text) ?? [];
  if (id === undefined || type === undefined || digits === undefined) {
    if (text.endsWith(' missing'))
      throw new CastoreError('blob/missing', `git lacks the object '${text.slice(0, -8)}'`);
    throw malformed('no object starts here', start);
  }
  const size = Number(digits);
  return { id, type, size, contents: verifyGitObject(source, { id, type, size }) };
}

function malformed(message: string, offset: number): CastoreError {
  return new CastoreError('git-object/malformed', message, { offset });
}

/**
 * Blobs up to this many bytes are kept in memory though no tree names them as symlinks yet, if they could be: no target on Linux
 * is longer, and files that are so short are a small part of a repository.
 */
const longestKept = 4095;

class GatheredObjects implements GitObjects {
  readonly #batch: BlobBatch;
  readonly #additions: Additions;
  readonly #signal: AbortSignal | undefined;
  readonly #trees = new Map<GitObjectId, readonly GitTreeEntry[]>();
  readonly #files = new Map<GitObjectId, Digest>();
  /** Of the blobs that trees name as symlinks; undefined until they have come. */
  readonly #targets = new Map<GitObjectId, ByteString | undefined>();
  readonly #short = new Map<GitObjectId, ByteString>();

  constructor(batch: BlobBatch, additions: Additions, signal: AbortSignal | undefined) {
    this.#batch = batch;
    this.#additions = additions;
    this.#signal = signal;
  }

  async add(object: GitObject): Promise<void> {
    if (object.type === 'tree') {
      const entries = parseGitTree(await readWholeGitObject(object, maxDirectorySize), object.id);
      this.#trees.set(object.id, entries);
      for (const { kind, id } of entries)
        if (kind === 'symlink' && !this.#targets.has(id)) this.#targets.set(id, undefined);
    } else if (object.type === 'blob') await this.#addBlob(object);
    // Read to their end, which is where they are verified.
    else for await (const _ of object.contents);
  }

  async #addBlob(object: GitObject): Promise<void> {
    const { id, size, contents } = object;
    if (size > wholeFileLimit) {
      this.#files.set(id, await this.#batch.putStream(contents, { signal: this.#signal }));
      return;
    }
    const bytes = await readWholeGitObject(object, wholeFileLimit);
    if (this.#targets.has(id)) {
      if (size <= maxGitTarget) this.#targets.set(id, byteStringOf(bytes));
    } else if (size <= longestKept && !bytes.includes(0)) this.#short.set(id, byteStringOf(bytes));
    this.#additions.add(size, async () => {
      this.#files.set(id, await this.#batch.put(bytes, { signal: this.#signal }));
    });
    await this.#additions.drain();
  }

  // oxlint-disable-next-line typescript/require-await -- a failure is a rejection
  async tree(id: GitObjectId, place: string): Promise<readonly GitTreeEntry[]> {
    return this.#trees.get(id) ?? absent('tree', id, place);
  }

  // oxlint-disable-next-line typescript/require-await -- a failure is a rejection
  async file(id: GitObjectId, _executable: boolean, place: string): Promise<Digest> {
    return this.#files.get(id) ?? absent('blob', id, place);
  }

  // oxlint-disable-next-line typescript/require-await -- a failure is a rejection
  async symlink(id: GitObjectId, place: string): Promise<ByteString> {
    const target = this.#targets.get(id) ?? this.#short.get(id);
    if (target === undefined) {
      if (!this.#files.has(id)) return absent('blob', id, place);
      const why = `the git object ${id} is too large for a symlink's target, or came before the tree that names it as one`;
      throw new CastoreError('git-object/unsupported', `${displayPlace(place)}: ${why}`);
    }
    checkSymlinkTarget(target);
    return target;
  }
}

function absent(type: string, id: GitObjectId, place: string): never {
  throw new CastoreError('blob/missing', `${displayPlace(place)}: the git ${type} ${id} did not come`);
}
