import type { BlobStore, CallOptions, ReadOptions, ReadTarget, SyncReader } from '../blob-store.ts';
import { checkGetLimit, chunksOf, clipRange, collectChunks } from '../chunks.ts';
import {
  type Digest,
  type Sha256,
  checkDigest,
  digestOf,
  emptyDigest,
  equalDigests,
  formatDigest,
  sha256ToBytes,
} from '../digest.ts';
import type { FileNode } from '../node.ts';
import { Holds } from '../gc/holds.ts';
import { BlobFiles } from './blob-files.ts';
import { BlobUpload, UploadBlocks } from './blob-upload.ts';
import { blobSchema, defaultInlineLimit, executableFile, plainFile } from './blob-schema.ts';
import { DataFolder, type OpenOptions } from './data-folder.ts';
import { DiskBlobAliases, DiskDirectoryAliases } from './disk-aliases.ts';
import { type BatchOptions, type CommitOptions, DiskBlobBatch, type EarlyDrafts } from './disk-blob-batch.ts';
import type { TreeDraft } from './drafts.ts';
import { prepareFiles } from './file-variants.ts';
import { damaged, readChunks, readPieces } from './read-blob-file.ts';
import { AdditionsLock } from './additions-lock.ts';

/** Files up to this size are read in one synchronous call: 15 us from the page cache, where four promises cost 60. */
const readAtOnceLimit = 256 * 1024;

export interface DiskStoreOptions extends OpenOptions {
  /** In bytes; for measurements. */
  readonly inlineLimit?: number;
  /** Whether small files of drafts become links of blobs' files, too, where there are such. */
  readonly linksSmallFiles?: boolean | (() => boolean);
}

interface StoredBlob {
  readonly files: number;
  readonly data: Uint8Array | undefined;
}

/**
 * Blobs in a data folder: small ones as rows of its database, larger ones as files (docs/formats/data-folder.md).
 *
 * What is served is what was put: rows are hashed whenever they are read; a file's bytes were hashed when they were
 * written and nobody changes them without changing their time, so a file that does not bear the canonical time is
 * hashed again before a byte of it is served. Decay of the medium itself is found by `verify`.
 */
export class DiskBlobStore implements BlobStore, SyncReader, AsyncDisposable {
  readonly folder: DataFolder;
  readonly files: BlobFiles;
  /** Of its batches. */
  readonly lock: AdditionsLock;
  readonly inlineLimit: number;
  readonly blobAliases: DiskBlobAliases;
  readonly directoryAliases: DiskDirectoryAliases;
  readonly holds: Holds;
  readonly uploadBlocks = new UploadBlocks();

  /** Opens or creates the data folder at `path` (absolute). Throws `data-folder/…` errors. */
  constructor(path: string, options: DiskStoreOptions = {}) {
    this.inlineLimit = options.inlineLimit ?? defaultInlineLimit;
    const { linksSmallFiles: links = false } = options;
    const linksSmallFiles = typeof links === 'boolean' ? () => links : links;
    this.folder = new DataFolder(path, blobSchema, options);
    this.files = new BlobFiles(this.folder, () => (linksSmallFiles() ? 0 : this.inlineLimit));
    this.lock = new AdditionsLock(this.folder);
    this.blobAliases = new DiskBlobAliases(this.folder.database);
    this.directoryAliases = new DiskDirectoryAliases(this.folder.database);
    this.holds = new Holds(this.folder.database);
  }

  async findMissing(digests: readonly Digest[], options: CallOptions = {}): Promise<Digest[]> {
    options.signal?.throwIfAborted();
    const missing = new Map<string, Digest>();
    for (const digest of digests) if (!this.#has(digest)) missing.set(formatDigest(digest), digest);
    return [...missing.values()];
  }

  async get(digest: Digest, options: CallOptions & { readonly limit?: number } = {}): Promise<Uint8Array | undefined> {
    options.signal?.throwIfAborted();
    const blob = this.find(digest);
    if (blob === undefined) return undefined;
    checkGetLimit(digest, options);
    if (blob.data !== undefined) return blob.data;
    if (digest.size <= readAtOnceLimit) return this.#readAtOnce(digest, blob);
    const chunks = await this.open(digest, options);
    return chunks === undefined ? undefined : collectChunks(chunks, digest);
  }

  /** As `get`, there and then; blocks the thread until the disk has answered. */
  getSync(digest: Digest, options: { readonly limit?: number } = {}): Uint8Array | undefined {
    const blob = this.find(digest);
    if (blob === undefined) return undefined;
    checkGetLimit(digest, options);
    return blob.data ?? this.#readAtOnce(digest, blob);
  }

  async open(digest: Digest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    options.signal?.throwIfAborted();
    const range = clipRange(digest.size, options);
    const blob = this.find(digest);
    if (blob === undefined) return undefined;
    if (blob.data !== undefined) return chunksOf(blob.data, options);
    if (digest.size <= Math.min(readAtOnceLimit, options.chunkSize ?? readAtOnceLimit)) {
      const bytes = this.#readAtOnce(digest, blob);
      return bytes === undefined ? undefined : chunksOf(bytes, options);
    }
    if (!this.folder.fileSystem.existsSync(this.#fileOf(digest, blob))) return this.forget(digest);
    return readChunks(
      this.folder,
      { path: this.#fileOf(digest, blob), digest },
      {
        ...range,
        chunkSize: options.chunkSize,
        signal: options.signal,
      },
    );
  }

  *readPieces(node: FileNode, target: ReadTarget): Generator<void, boolean> {
    const { digest } = node;
    // A file that has a blob's name is whole, whether or not the database knows of it; asking it takes 6 us of 40.
    if (digest.size > this.inlineLimit) {
      if ((yield* readPieces(this.folder, { path: this.pathOf(node), digest }, target)) === 'read') return true;
    }
    const blob = this.find(digest);
    if (blob === undefined) return false;
    if (blob.data === undefined) return yield* this.#readFile(digest, blob, target);
    if (digest.size > 0) target.take(blob.data);
    return true;
  }

  /** As `readPieces`, all at once: false where the blob is absent. */
  readSync(node: FileNode, target: ReadTarget): boolean {
    return toEnd(this.readPieces(node, target));
  }

  batch(options?: BatchOptions): DiskBlobBatch {
    return new DiskBlobBatch(this, options);
  }

  /** Begins a blob that arrives slowly. */
  upload(): BlobUpload {
    return new BlobUpload(this);
  }

  /**
   * Commits several batches of this store as one, for the price of one: they become visible together or not at all.
   * Each is disposed of as usual, after what refers to its blobs is committed.
   */
  commitAll(batches: readonly DiskBlobBatch[], options: CommitOptions = {}): Promise<void> {
    return DiskBlobBatch.commitTogether(batches, options);
  }

  /**
   * Puts the drafts that some batches are made of where they belong, where nothing is, without waiting for the disk; the
   * rest is then up to the caller. Undefined, and nothing is done, where they are more than a few files.
   */
  placeEarly(batches: readonly DiskBlobBatch[], targets: ReadonlyMap<TreeDraft, string>): EarlyDrafts | undefined {
    return DiskBlobBatch.placeEarly(batches, targets);
  }

  /** Whether a row says that the blob is here, without looking at its file. */
  isPresent(hash: Sha256): boolean {
    return this.#row(hash) !== undefined;
  }

  /** Bytes of the blob with this hash, if a row says that it is here. */
  sizeOf(hash: Sha256): number | undefined {
    const { size } = this.#row(hash) ?? {};
    return typeof size === 'number' ? size : undefined;
  }

  /** Whether rows say so of all of `hashes`; one query. */
  arePresent(hashes: readonly Sha256[]): boolean {
    const sql = 'SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE hash = unhex(value)) LIMIT 1';
    return hashes.length === 0 || this.folder.database.tuples(sql, JSON.stringify(hashes)).length === 0;
  }

  /** What the database knows of a blob; inline data comes verified. */
  find(digest: Digest): StoredBlob | undefined {
    const row = this.folder.database.get(
      'SELECT size, files, data FROM blobs WHERE hash = ?',
      sha256ToBytes(digest.hash),
    );
    if (row === undefined) return equalDigests(digest, emptyDigest) ? { files: 0, data: new Uint8Array(0) } : undefined;
    if (row['size'] !== digest.size) return undefined;
    const data = row['data'] instanceof Uint8Array ? row['data'] : undefined;
    if (data !== undefined) checkDigest(digestOf(data), digest);
    return { files: Number(row['files']), data };
  }

  /** Forgets that a blob is here, since it turned out that it is not; its next addition writes it anew. */
  forget(digest: Digest): undefined {
    this.folder.database.run('DELETE FROM blobs WHERE hash = ?', sha256ToBytes(digest.hash));
  }

  /**
   * Makes sure that each of `nodes` can be linked from `pathOf`, in one durable step for all of them.
   * Throws `blob/missing`.
   */
  prepareFiles(nodes: Iterable<FileNode>, signal?: AbortSignal): Promise<void> {
    return prepareFiles(this, nodes, signal);
  }

  /** Where the prepared file of `node` is: read-only, to be linked or copied, never to be written. */
  pathOf(node: FileNode): string {
    return this.files.path(node.digest.hash, node.executable);
  }

  #has(digest: Digest): boolean {
    if (digest.size === 0) return digest.hash === emptyDigest.hash;
    return this.#row(digest.hash)?.['size'] === digest.size;
  }

  #row(hash: Sha256) {
    return this.folder.database.get('SELECT size FROM blobs WHERE hash = ?', sha256ToBytes(hash));
  }

  #readAtOnce(digest: Digest, blob: StoredBlob): Uint8Array | undefined {
    const bytes = new Uint8Array(digest.size);
    let at = 0;
    const target = { buffer: () => bytes.subarray(at), take: (chunk: Uint8Array) => void (at += chunk.byteLength) };
    return toEnd(this.#readFile(digest, blob, target)) ? bytes : undefined;
  }

  *#readFile(digest: Digest, blob: StoredBlob, target: ReadTarget): Generator<void, boolean> {
    const outcome = yield* readPieces(this.folder, { path: this.#fileOf(digest, blob), digest }, target);
    if (outcome === 'other size') throw damaged(this.folder, digest);
    if (outcome === 'absent') this.forget(digest);
    return outcome === 'read';
  }

  #fileOf(digest: Digest, blob: StoredBlob): string {
    return this.files.path(digest.hash, (blob.files & plainFile) === 0 && (blob.files & executableFile) !== 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.files[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

function toEnd<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
