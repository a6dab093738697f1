import { constants } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { errnoOf } from '../../base/index.ts';
import type { BlobBatch, BlobStore, CallOptions, ReadOptions } from '../blob-store.ts';
import { checkGetLimit, chunksOf, clipRange, maxChunkSize } from '../chunks.ts';
import {
  type Digest,
  Digester,
  type Sha256,
  checkDigest,
  digestOf,
  emptyDigest,
  equalDigests,
  formatDigest,
  sha256ToBytes,
} from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { FileNode } from '../node.ts';
import { BlobFiles, canonicalTime } from './blob-files.ts';
import { blobSchema, executableFile, plainFile } from './blob-schema.ts';
import { DataFolder, type OpenOptions } from './data-folder.ts';
import { DiskBlobAliases, DiskDirectoryAliases } from './disk-aliases.ts';
import { DiskBlobBatch } from './disk-blob-batch.ts';
import { prepareFiles } from './file-variants.ts';

/** Files up to this size are read in one synchronous call: 15 us from the page cache, where four promises cost 60. */
const readAtOnceLimit = 256 * 1024;

/** Blobs of at most this many bytes are rows of the database rather than files: docs/adr/0003-rows-and-files.md. */
const defaultInlineLimit = 16 * 1024;

export interface DiskStoreOptions extends OpenOptions {
  /** In bytes; for measurements. */
  readonly inlineLimit?: number;
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
export class DiskBlobStore implements BlobStore, AsyncDisposable {
  readonly folder: DataFolder;
  readonly files: BlobFiles;
  readonly inlineLimit: number;
  readonly blobAliases: DiskBlobAliases;
  readonly directoryAliases: DiskDirectoryAliases;

  /** Opens or creates the data folder at `path` (absolute). Throws `data-folder/…` errors. */
  constructor(path: string, options: DiskStoreOptions = {}) {
    this.inlineLimit = options.inlineLimit ?? defaultInlineLimit;
    this.folder = new DataFolder(path, blobSchema, options);
    this.files = new BlobFiles(this.folder);
    this.blobAliases = new DiskBlobAliases(this.folder.database);
    this.directoryAliases = new DiskDirectoryAliases(this.folder.database);
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
    if (digest.size <= readAtOnceLimit) return this.#readWhole(digest, blob);
    await using file = await this.#openFile(digest, blob);
    if (file === undefined) return undefined;
    const bytes = new Uint8Array(digest.size);
    for (let at = 0; at < bytes.byteLength;) {
      options.signal?.throwIfAborted();
      const { bytesRead } = await file.read(bytes, at, bytes.byteLength - at, at);
      if (bytesRead === 0) throw this.#damaged(digest);
      at += bytesRead;
    }
    return bytes;
  }

  async open(digest: Digest, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    options.signal?.throwIfAborted();
    const range = clipRange(digest.size, options);
    const blob = this.find(digest);
    if (blob === undefined) return undefined;
    if (blob.data !== undefined) return chunksOf(blob.data, options);
    if (digest.size <= readAtOnceLimit) {
      const bytes = this.#readWhole(digest, blob);
      return bytes === undefined ? undefined : chunksOf(bytes, options);
    }
    if (!this.folder.fileSystem.existsSync(this.#fileOf(digest, blob))) return this.forget(digest);
    return this.#chunksOfFile(digest, blob, { ...range, signal: options.signal });
  }

  batch(): BlobBatch {
    return new DiskBlobBatch(this);
  }

  /** Whether a row says that the blob is here, without looking at its file. */
  isPresent(hash: Sha256): boolean {
    return this.#row(hash) !== undefined;
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

  #readWhole(digest: Digest, blob: StoredBlob): Uint8Array | undefined {
    const fs = this.folder.fileSystem;
    let fd: number;
    try {
      fd = fs.openSync(this.#fileOf(digest, blob), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      return this.#absentFile(digest, error);
    }
    try {
      const { size, mtimeMs } = fs.fstatSync(fd);
      if (size !== digest.size) throw this.#damaged(digest);
      const bytes = new Uint8Array(size);
      for (let at = 0; at < size;) {
        const count = fs.readSync(fd, bytes, at, size - at, at);
        if (count === 0) throw this.#damaged(digest);
        at += count;
      }
      if (mtimeMs !== canonicalTime * 1000) checkDigest(digestOf(bytes), digest);
      return bytes;
    } finally {
      fs.closeSync(fd);
    }
  }

  async #openFile(digest: Digest, blob: StoredBlob): Promise<FileHandle | undefined> {
    let file: FileHandle;
    try {
      file = await openFile(this.#fileOf(digest, blob), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      return this.#absentFile(digest, error);
    }
    try {
      const { size, mtimeMs } = await file.stat();
      if (size !== digest.size) throw this.#damaged(digest);
      if (mtimeMs !== canonicalTime * 1000) await this.#checkFile(file, digest);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  #fileOf(digest: Digest, blob: StoredBlob): string {
    return this.files.path(digest.hash, (blob.files & plainFile) === 0 && (blob.files & executableFile) !== 0);
  }

  #absentFile(digest: Digest, error: unknown): undefined {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return this.forget(digest);
  }

  async #checkFile(file: FileHandle, digest: Digest): Promise<void> {
    const digester = new Digester();
    const buffer = new Uint8Array(maxChunkSize);
    for (let at = 0; ;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, at);
      if (bytesRead === 0) break;
      digester.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    checkDigest(digester.finish(), digest);
  }

  #damaged(digest: Digest): CastoreError {
    return new CastoreError(
      'digest/mismatch',
      `the file of the blob ${formatDigest(digest)} in '${this.folder.path}' has another size: verify the store`,
    );
  }

  /** Opens the file when the first chunk is asked for: a reader that never asks leaves nothing open. */
  async *#chunksOfFile(
    digest: Digest,
    blob: StoredBlob,
    range: { readonly start: number; readonly end: number; readonly signal: AbortSignal | undefined },
  ): AsyncGenerator<Uint8Array, void> {
    await using file = await this.#openFile(digest, blob);
    if (file === undefined)
      throw new CastoreError('blob/missing', `the blob ${formatDigest(digest)} has just vanished`);
    const buffer = new Uint8Array(Math.min(maxChunkSize, range.end - range.start));
    for (let at = range.start; at < range.end;) {
      range.signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.byteLength, range.end - at), at);
      if (bytesRead === 0) throw this.#damaged(digest);
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.folder[Symbol.dispose]();
  }
}
