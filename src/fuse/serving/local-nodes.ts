import { closeSync, readSync } from 'node:fs';
import {
  BlobReader,
  CastoreError,
  type Digest,
  type Directory,
  type OpenBlob,
  checkDigest,
  decodeDirectory,
  digestOf,
  maxDirectorySize,
} from '../../castore/index.ts';
import type { FileInode } from './inodes.ts';

/** Entries of directories that are kept decoded: about 30 MB. */
const maxEntries = 200_000;

/** Files that are kept open. */
const maxOpenFiles = 256;

/** In bytes: of blobs that are in no data folder. */
const maxDelivered = 64 * 1024 * 1024;

/** Says that a blob must be had first. */
export class MissingBlob {
  readonly digest: Digest;
  /** Why what is here of it is no good. */
  readonly damage: string | undefined;

  constructor(digest: Digest, damage?: string) {
    this.digest = digest;
    this.damage = damage;
  }
}

/**
 * Directories and contents of files that are on this disk, or were given to us. What is read often is kept: directories
 * decoded, files open. What is not here is a `MissingBlob`.
 */
export class LocalNodes implements Disposable {
  readonly #reader: BlobReader;
  readonly #directories = new Map<string, Directory>();
  #entries = 0;
  readonly #open = new Map<FileInode, OpenBlob>();
  readonly #delivered = new Map<string, Uint8Array>();
  #deliveredSize = 0;

  constructor(dataFolder: string) {
    this.#reader = new BlobReader(dataFolder);
  }

  directory(digest: Digest): Directory | MissingBlob {
    const known = this.#directories.get(digest.hash);
    if (known !== undefined) {
      // The most recently used are last.
      this.#directories.delete(digest.hash);
      this.#directories.set(digest.hash, known);
      return known;
    }
    const bytes = this.#find(digest, () => this.#reader.get(digest, { limit: maxDirectorySize }));
    if (bytes instanceof MissingBlob) return bytes;
    const directory = decodeDirectory(bytes);
    this.#directories.set(digest.hash, directory);
    this.#entries += directory.entries.length;
    for (const [hash, { entries }] of this.#directories) {
      if (this.#entries <= maxEntries || this.#directories.size === 1) break;
      this.#directories.delete(hash);
      this.#entries -= entries.length;
    }
    return directory;
  }

  /** Reads into `target` from `offset` on; how many bytes, less only at the end of the file. */
  read(inode: FileInode, offset: number, target: Buffer): number | MissingBlob {
    const { node } = inode;
    const blob = this.#openFile(inode);
    if (blob instanceof MissingBlob) return blob;
    const count = Math.min(target.byteLength, node.digest.size - offset);
    if (count <= 0) return 0;
    if (blob.kind === 'bytes') {
      target.set(blob.bytes.subarray(offset, offset + count));
      return count;
    }
    for (let at = 0; at < count;) {
      const read = readSync(blob.descriptor, target, at, count - at, offset + at);
      if (read === 0) {
        this.close(inode);
        return new MissingBlob(node.digest, 'its file has become shorter');
      }
      at += read;
    }
    return count;
  }

  #openFile(inode: FileInode): OpenBlob | MissingBlob {
    const known = this.#open.get(inode);
    if (known !== undefined) {
      this.#open.delete(inode);
      this.#open.set(inode, known);
      return known;
    }
    const opened = this.#find(inode.node.digest, () => this.#reader.open(inode.node));
    if (opened instanceof Uint8Array) return { kind: 'bytes', bytes: opened };
    if (opened instanceof MissingBlob) return opened;
    this.#open.set(inode, opened);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= maxOpenFiles) break;
      this.close(oldest);
    }
    return opened;
  }

  /** What the data folder has of a blob, else what was delivered. */
  #find<T extends object>(digest: Digest, read: () => T | undefined): T | Uint8Array | MissingBlob {
    let damage: string | undefined;
    try {
      const found = read();
      if (found !== undefined) return found;
    } catch (error) {
      if (!(error instanceof CastoreError && error.code === 'digest/mismatch')) throw error;
      damage = error.message;
    }
    return this.#delivered.get(digest.hash) ?? new MissingBlob(digest, damage);
  }

  /** Nobody reads it at the moment. */
  close(inode: FileInode): void {
    const blob = this.#open.get(inode);
    if (blob === undefined) return;
    this.#open.delete(inode);
    if (blob.kind === 'file') closeSync(blob.descriptor);
  }

  /** Keeps a blob for a while that is in no data folder. Throws `digest/mismatch`. */
  deliver(digest: Digest, bytes: Uint8Array): void {
    checkDigest(digestOf(bytes), digest);
    if (this.#delivered.has(digest.hash)) return;
    this.#delivered.set(digest.hash, bytes);
    this.#deliveredSize += bytes.byteLength;
    for (const [hash, { byteLength }] of this.#delivered) {
      if (this.#deliveredSize <= maxDelivered || this.#delivered.size === 1) break;
      this.#delivered.delete(hash);
      this.#deliveredSize -= byteLength;
    }
  }

  [Symbol.dispose](): void {
    for (const inode of this.#open.keys()) this.close(inode);
    this.#reader[Symbol.dispose]();
  }
}
