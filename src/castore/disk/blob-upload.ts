import { type Digest, Digester } from '../digest.ts';
import type { BlobFiles, TemporaryFile } from './blob-files.ts';

/** What an upload needs of its store. */
export interface UploadOwner {
  readonly files: BlobFiles;
  /** Blobs of at most this many bytes become rows of the database. */
  readonly inlineLimit: number;
}

/** The bytes of a blob that has come as a whole, on their way into a batch. */
export interface ReceivedBlob {
  readonly digest: Digest;
  /** Of a small one. */
  readonly data: Uint8Array | undefined;
  /** Of any other: its path, finished. */
  readonly temporary: string | undefined;
}

/**
 * A blob that arrives slowly, perhaps in several attempts. Unlike a batch it does not keep collections of garbage waiting:
 * its bytes are in a file of the temporary folder until `DiskBlobBatch.putReceived` adds them. One call at a time.
 */
export class BlobUpload implements AsyncDisposable {
  readonly #owner: UploadOwner;
  readonly #digester = new Digester();
  #head: Uint8Array[] = [];
  #file: TemporaryFile | undefined;
  #received: ReceivedBlob | undefined;

  constructor(owner: UploadOwner) {
    this.#owner = owner;
  }

  /** In bytes, so far. */
  get size(): number {
    return this.#digester.size;
  }

  /** The bytes are lent until the promise has settled. */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#received !== undefined) throw new TypeError('the upload is finished');
    this.#digester.update(bytes);
    if (this.#file === undefined && this.size <= this.#owner.inlineLimit) {
      this.#head.push(Uint8Array.from(bytes));
      return;
    }
    if (this.#file === undefined) {
      this.#file = await this.#owner.files.create(false);
      for (const piece of this.#head.splice(0)) await this.#file.append(piece);
    }
    await this.#file.append(bytes);
  }

  /** After the last byte. */
  finish(): ReceivedBlob {
    if (this.#received !== undefined) return this.#received;
    const digest = this.#digester.finish();
    if (this.#file === undefined) this.#received = { digest, data: Buffer.concat(this.#head), temporary: undefined };
    else {
      this.#file.finish();
      this.#received = { digest, data: undefined, temporary: this.#file.path };
    }
    return this.#received;
  }

  /** Forgets it, unless a batch has taken the file away. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#head = [];
    this.#file?.[Symbol.dispose]();
    const temporary = this.#received?.temporary;
    if (temporary !== undefined) this.#owner.files.remove(temporary);
  }
}
