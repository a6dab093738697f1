import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { checkGetLimit } from '../chunks.ts';
import { type Digest, checkDigest, digestOf, emptyDigest, equalDigests, sha256ToBytes } from '../digest.ts';
import type { FileNode } from '../node.ts';
import { blobPath } from './blob-file.ts';
import { blobSchema, defaultInlineLimit } from './blob-schema.ts';
import { DataFolder } from './data-folder.ts';
import { damaged, openBlobFile } from './read-blob-file.ts';

/** A blob that is here: its bytes, or its file, which is the caller's to close. */
export type OpenBlob =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly descriptor: number };

/**
 * Reads blobs of a data folder there and then, and writes nothing: for a thread that waits for nobody, beside those
 * that add blobs. What is read was checked as `DiskBlobStore` checks it.
 */
export class BlobReader implements Disposable {
  readonly #folder: DataFolder;
  readonly #blobs: string;

  /** Of the data folder at `path`, which somebody has opened before. Throws `data-folder/…` errors. */
  constructor(path: string) {
    this.#folder = new DataFolder(path, blobSchema, { readOnly: true, hasWriters: true });
    this.#blobs = join(path, 'blobs');
  }

  /** The whole blob; undefined when it is absent. Throws `digest/mismatch`, and `blob/too-large` beyond the limit. */
  get(digest: Digest, options: { readonly limit?: number } = {}): Uint8Array | undefined {
    checkGetLimit(digest, options);
    const opened = this.open({ kind: 'file', digest, executable: false });
    if (opened === undefined || opened.kind === 'bytes') return opened?.bytes;
    try {
      const bytes = new Uint8Array(digest.size);
      let at = 0;
      while (at < bytes.byteLength) {
        const count = this.#folder.fileSystem.readSync(opened.descriptor, bytes, at, bytes.byteLength - at, at);
        if (count === 0) throw damaged(this.#folder, digest);
        at += count;
      }
      return bytes;
    } finally {
      closeSync(opened.descriptor);
    }
  }

  /** Undefined when it is absent. Throws `digest/mismatch`. */
  open({ digest, executable }: FileNode): OpenBlob | undefined {
    // A file that has a blob's name is whole, whether or not the database knows of it, or of a transaction that is open.
    const file = digest.size > defaultInlineLimit ? this.#openFile(digest, executable) : undefined;
    if (file !== undefined) return file;
    const row = this.#folder.database.get(
      'SELECT size, files, data FROM blobs WHERE hash = ?',
      sha256ToBytes(digest.hash),
    );
    if (row === undefined) return equalDigests(digest, emptyDigest) ? emptyBlob : undefined;
    const { size, data } = row;
    if (size !== digest.size) return undefined;
    if (!(data instanceof Uint8Array)) return this.#openFile(digest, executable);
    checkDigest(digestOf(data), digest);
    return { kind: 'bytes', bytes: data };
  }

  /** Either of the files that may hold it, that with the right mode first. */
  #openFile(digest: Digest, executable: boolean): OpenBlob | undefined {
    for (const variant of [executable, !executable]) {
      const opened = openBlobFile(this.#folder, { path: blobPath(this.#blobs, digest.hash, variant), digest });
      if (opened === 'other size') throw damaged(this.#folder, digest);
      if (opened !== 'absent') return { kind: 'file', descriptor: opened };
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

const emptyBlob: OpenBlob = { kind: 'bytes', bytes: new Uint8Array(0) };
