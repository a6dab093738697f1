import { ByteGatherer } from '../byte-gatherer.ts';
import { NixCompatError, type NixCompatErrorCode } from '../error.ts';
import type { GitAlgorithm, GitObjectType } from './git-object.ts';
import { type GitTreeEntry, parseGitTree } from './git-tree.ts';

/** Receives one git object: `tree`, or `startBlob blobData* endBlob`. */
export interface GitObjectSink {
  /** `size` is in bytes; exactly as many follow in `blobData`. */
  startBlob(size: number): void;
  /** `chunk` is lent: it may be overwritten after the call returns. */
  blobData(chunk: Uint8Array): void;
  endBlob(): void;
  tree(entries: GitTreeEntry[]): void;
}

export interface GitObjectReaderOptions {
  /** The hash function of the hashes in a tree. */
  readonly algorithm: GitAlgorithm;
  /** Bytes of the largest tree that is read; a tree is held in memory until it is complete. */
  readonly maxTreeSize?: number;
}

const defaultMaxTreeSize = 64 * 1024 * 1024;

/** `blob `, the digits of 2^53 and a NUL. */
const maxHeaderLength = 5 + 16 + 1;

/**
 * Reads a git object, uncompressed and with its header, from chunks of any size. A blob's content goes through
 * uncopied. Throws NixCompatErrors `git/...`; after any throw, the sink's included, the reader only repeats it.
 */
export class GitObjectReader {
  readonly #sink: GitObjectSink;
  readonly #algorithm: GitAlgorithm;
  readonly #maxTreeSize: number;

  /** The header so far, as long as #type is undefined. */
  #header = '';
  #type: GitObjectType | undefined;
  #headerLength = 0;
  #left = 0;
  #tree: ByteGatherer | undefined;
  #finished = false;
  #bytesRead = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(sink: GitObjectSink, options: GitObjectReaderOptions) {
    this.#sink = sink;
    this.#algorithm = options.algorithm;
    this.#maxTreeSize = options.maxTreeSize ?? defaultMaxTreeSize;
  }

  /** Whether the object is complete. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Reads on and returns how many bytes of `chunk` belong to the object. */
  push(chunk: Uint8Array): number {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      const taken = this.#push(chunk);
      this.#bytesRead += taken;
      return taken;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** Says that no more bytes come; throws `git/truncated` unless the object is complete. */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!this.#finished) throw this.#refuse('git/truncated', this.#bytesRead, 'unexpected end-of-file in a Git object');
  }

  #push(chunk: Uint8Array): number {
    let at = 0;
    while (this.#type === undefined && at < chunk.length) {
      const byte = chunk[at++];
      if (byte === 0) this.#startContent();
      else this.#addToHeader(byte ?? 0);
    }
    if (this.#type === undefined || this.#finished) return at;
    const count = Math.min(this.#left, chunk.length - at);
    const content = chunk.subarray(at, at + count);
    this.#left -= count;
    if (this.#tree !== undefined) this.#tree.push(content);
    else if (count > 0) this.#sink.blobData(content);
    if (this.#left === 0) this.#endContent();
    return at + count;
  }

  #addToHeader(byte: number): void {
    this.#header += String.fromCharCode(byte);
    const { length } = this.#header;
    if (length <= 5 && !'blob '.startsWith(this.#header) && !'tree '.startsWith(this.#header))
      throw this.#refuse('git/bad-header', 0, "input doesn't look like a Git object");
    if (length >= maxHeaderLength) throw this.#badSize();
  }

  #startContent(): void {
    const header = this.#header;
    const type = header.startsWith('blob ') ? 'blob' : header.startsWith('tree ') ? 'tree' : undefined;
    if (type === undefined) throw this.#refuse('git/bad-header', 0, "input doesn't look like a Git object");
    const digits = header.slice(5);
    const size = /^(0|[1-9][0-9]*)$/.test(digits) ? Number(digits) : NaN;
    if (!Number.isSafeInteger(size)) throw this.#badSize();
    if (type === 'tree' && size > this.#maxTreeSize) {
      const message = `a Git tree of ${size} bytes is too large, at most ${this.#maxTreeSize} are allowed`;
      throw this.#refuse('git/tree-too-large', 5, message);
    }
    this.#type = type;
    this.#headerLength = header.length + 1;
    this.#left = size;
    if (type === 'tree') this.#tree = new ByteGatherer(size);
    else this.#sink.startBlob(size);
  }

  #endContent(): void {
    this.#finished = true;
    const tree = this.#tree?.bytes;
    this.#tree = undefined;
    if (tree === undefined) this.#sink.endBlob();
    else this.#sink.tree(this.#parseTree(tree));
  }

  /** With offsets counted from the header's start. */
  #parseTree(content: Buffer): GitTreeEntry[] {
    try {
      return parseGitTree(content, this.#algorithm);
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      throw this.#refuse(error.code, this.#headerLength + (error.offset ?? 0), error.message);
    }
  }

  #badSize(): NixCompatError {
    return this.#refuse('git/bad-size', 5, 'the size in the header of a Git object is not a decimal number below 2^53');
  }

  #refuse(code: NixCompatErrorCode, offset: number, message: string): NixCompatError {
    return new NixCompatError(code, message, { offset });
  }
}
