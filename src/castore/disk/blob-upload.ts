import { type Digest, Digester } from '../digest.ts';
import type { BlobFiles, TemporaryFile } from './blob-files.ts';

/** What an upload needs of its store. */
export interface UploadOwner {
  readonly files: BlobFiles;
  /** Blobs of at most this many bytes become rows of the database. */
  readonly inlineLimit: number;
  readonly uploadBlocks: UploadBlocks;
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

/** Blocks of all uploads of a store together; where none is left, what comes is written as it comes. */
const maxBlocks = 64;

/** Blocks of memory that uploads share: thousands may be under way, and most of them wait for their clients. */
export class UploadBlocks {
  readonly #free: Uint8Array[] = [];
  #lent = 0;

  take(): Uint8Array | undefined {
    if (this.#lent >= maxBlocks) return undefined;
    this.#lent++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(blockSize);
  }

  give(block: Uint8Array): void {
    this.#lent--;
    // A few are kept for those that come next.
    if (this.#free.length < 8) this.#free.push(block);
  }
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
    this.#block ??= this.#owner.uploadBlocks.take();
    if (this.#block === undefined) {
      await this.#writeThrough(bytes);
      return;
    }
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
    this.#filled = 0;
    if (block !== undefined && block.byteLength > 0) await this.#writeThrough(block);
  }

  async #writeThrough(bytes: Uint8Array): Promise<void> {
    const writing = this.#file?.append(bytes);
    // While another thread writes.
    this.#digester.update(bytes);
    await writing;
  }

  /** To be called when the next bytes may be long in coming: gives memory back that others can use. */
  async rest(): Promise<void> {
    if (this.#received === undefined) await this.#flush();
    this.#release();
  }

  #release(): void {
    if (this.#block !== undefined) this.#owner.uploadBlocks.give(this.#block);
    this.#block = undefined;
  }

  /** After the last byte. */
  async finish(): Promise<ReceivedBlob> {
    if (this.#received !== undefined) return this.#received;
    await this.rest();
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
    this.#release();
    this.#file?.[Symbol.dispose]();
    const temporary = this.#received?.temporary;
    if (temporary !== undefined) this.#owner.files.remove(temporary);
  }
}
