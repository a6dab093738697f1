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

/** Bytes that are written and hashed at once: a write costs as much as copying many of them. */
const blockSize = 512 * 1024;

/**
 * A blob that arrives slowly, perhaps in several attempts. Unlike a batch it does not keep collections of garbage waiting:
 * its bytes are in a file of the temporary folder until `DiskBlobBatch.putReceived` adds them. One call at a time.
 */
export class BlobUpload implements AsyncDisposable {
  readonly #owner: UploadOwner;
  readonly #digester = new Digester();
  #head: Uint8Array[] = [];
  #file: TemporaryFile | undefined;
  /** What is to be written next, and how much of it is there. */
  #block: Uint8Array | undefined;
  #filled = 0;
  #received: ReceivedBlob | undefined;

  constructor(owner: UploadOwner) {
    this.#owner = owner;
  }

  /** In bytes, so far. */
  get size(): number {
    return this.#digester.size + this.#filled;
  }

  /** Takes bytes, which are lent until the promise has settled; undefined when nothing is to be waited for. */
  append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#received !== undefined) throw new TypeError('the upload is finished');
    if (this.#file === undefined && this.size + bytes.byteLength <= this.#owner.inlineLimit) {
      this.#digester.update(bytes);
      this.#head.push(Uint8Array.from(bytes));
      return undefined;
    }
    if (this.#file !== undefined && this.#block !== undefined && bytes.byteLength < blockSize - this.#filled) {
      this.#block.set(bytes, this.#filled);
      this.#filled += bytes.byteLength;
      return undefined;
    }
    return this.#write(bytes);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#file === undefined) {
      this.#file = await this.#owner.files.create(false);
      for (const piece of this.#head.splice(0)) await this.#file.append(piece);
    }
    this.#block ??= Buffer.allocUnsafeSlow(blockSize);
    for (let at = 0; at < bytes.byteLength;) {
      const length = Math.min(bytes.byteLength - at, blockSize - this.#filled);
      this.#block.set(bytes.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled === blockSize) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const block = this.#block?.subarray(0, this.#filled);
    if (block === undefined || this.#file === undefined || this.#filled === 0) return;
    this.#filled = 0;
    const writing = this.#file.append(block);
    // While another thread writes.
    this.#digester.update(block);
    await writing;
  }

  /** After the last byte. */
  async finish(): Promise<ReceivedBlob> {
    if (this.#received !== undefined) return this.#received;
    await this.#flush();
    this.#block = undefined;
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
    this.#block = undefined;
    this.#file?.[Symbol.dispose]();
    const temporary = this.#received?.temporary;
    if (temporary !== undefined) this.#owner.files.remove(temporary);
  }
}
