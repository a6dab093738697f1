import { type ByteString, type TreeSink, displayBytes } from '../../base/index.ts';
import { NixCompatError, type NixCompatErrorCode } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { isFileName, isSymlinkTarget, refuseName } from './file-name.ts';
import { type NarLimits, defaultNarLimits } from './nar-limits.ts';
import { Phrase, padding } from './phrase.ts';

const magic = new Phrase('nix-archive-1');
const startDirectory = new Phrase('(', 'type', 'directory');
const startFile = new Phrase('(', 'type', 'regular', 'contents');
const startExecutable = new Phrase('(', 'type', 'regular', 'executable', '', 'contents');
const startSymlink = new Phrase('(', 'type', 'symlink', 'target');
const startEntry = new Phrase('entry', '(', 'name');
const startNode = new Phrase('node');
const close = new Phrase(')');
const closeTwice = new Phrase(')', ')');

const defaultBufferSize = 64 * 1024;
/** Bytes of the first buffer: trees that are smaller are written by the thousand. */
const smallestBuffer = 1024;
/** File data of at least this many bytes is handed on instead of copied: then a call costs less than the copy. */
const largeChunk = 16 * 1024;
/** Copying so few bytes one by one is quicker than the call that copies them at once. */
const fewBytes = 24;

export interface NarWriterOptions extends Partial<Omit<NarLimits, 'maxFileSize'>> {
  /** Bytes of small pieces gathered before a `write`; at least 1024. */
  readonly bufferSize?: number;
  /**
   * Where given, what `write` gets is the receiver's to keep, and the writer goes on in the memory that this gives, of
   * `bufferSize` bytes or more. All file data is gathered then.
   */
  readonly takeBuffer?: () => Buffer;
}

/**
 * Writes the NAR of the tree that its events describe. Small pieces are gathered in one buffer, large file data goes
 * through as it came; `write` gets the bytes in order and must be done with a chunk when it returns, as the buffer is
 * used again and file data is lent. The last write happens within the event that ends the root.
 *
 * Events that describe no tree that a NarReader of the same limits would accept are refused with the same `nar/...`
 * codes, or with `nar/wrong-size` and `nar/bad-event`. After any throw the writer is of no more use.
 */
export class NarWriter implements TreeSink {
  readonly #write: (chunk: Uint8Array) => void;
  readonly #limits: Omit<NarLimits, 'maxFileSize'>;
  readonly #takeBuffer: (() => Buffer) | undefined;
  readonly #bufferSize: number;
  #buffer: Buffer;
  #view: DataView;
  #used = 0;
  #flushed = 0;

  #expected: 'node' | 'entry' | 'data' | 'nothing' = 'node';
  /** For each open directory the last name in it, undefined while it is empty. */
  readonly #names: (ByteString | undefined)[] = [];
  #size = 0;
  /** Bytes of the open file that are to come. */
  #left = 0;

  constructor(write: (chunk: Uint8Array) => void, options: NarWriterOptions = {}) {
    const { bufferSize = defaultBufferSize, takeBuffer, ...limits } = options;
    this.#write = write;
    this.#limits = { ...defaultNarLimits, ...limits };
    this.#takeBuffer = takeBuffer;
    this.#bufferSize = Math.max(bufferSize, smallestBuffer);
    this.#buffer = takeBuffer?.() ?? Buffer.allocUnsafeSlow(smallestBuffer);
    this.#view = viewOf(this.#buffer);
    this.#putPhrase(magic);
  }

  /** Whether the NAR is complete and all of it written. */
  get finished(): boolean {
    return this.#expected === 'nothing';
  }

  /** Bytes of the NAR so far: its size once `finished`. */
  get bytesWritten(): number {
    return this.#flushed + this.#used;
  }

  startDirectory(): void {
    this.#startNode();
    this.#putPhrase(startDirectory);
    this.#names.push(undefined);
    this.#expected = 'entry';
  }

  entry(name: ByteString): void {
    if (this.#expected !== 'entry') throw this.#badEvent(`entry '${excerpt(displayBytes(name))}'`);
    const names = this.#names;
    const previous = names.at(-1);
    if (!isFileName(name) || (previous !== undefined && name <= previous)) throw refuseName(name, previous);
    names[names.length - 1] = name;
    const { maxNameLength, maxDepth } = this.#limits;
    if (name.length > maxNameLength)
      throw this.#refuse(
        'nar/name-too-long',
        `string is too long: the name has ${name.length} bytes, at most ${maxNameLength} are allowed`,
      );
    if (names.length >= maxDepth)
      throw this.#refuse('nar/too-deep', `path exceeds maximum NAR directory depth of ${maxDepth}`);
    this.#putPhrase(startEntry);
    this.#putString(name);
    this.#putPhrase(startNode);
    this.#expected = 'node';
  }

  endDirectory(): void {
    if (this.#expected !== 'entry') throw this.#badEvent('endDirectory');
    this.#names.pop();
    this.#endNode();
  }

  startFile(executable: boolean, size: number): void {
    this.#startNode();
    if (!(Number.isSafeInteger(size) && size >= 0)) throw this.#badEvent(`startFile of ${size} bytes`);
    this.#putPhrase(executable ? startExecutable : startFile);
    this.#putLength(size);
    this.#size = size;
    this.#left = size;
    this.#expected = 'data';
  }

  fileData(chunk: Uint8Array): void {
    if (this.#expected !== 'data') throw this.#badEvent('fileData');
    if (chunk.length > this.#left) throw this.#wrongSize(this.#size - this.#left + chunk.length);
    this.#left -= chunk.length;
    if (chunk.buffer === this.#buffer.buffer && chunk.byteOffset === this.#buffer.byteOffset + this.#used)
      this.#used += chunk.length;
    else if (chunk.length < largeChunk || this.#takeBuffer !== undefined) this.#put(chunk);
    else {
      this.#flush();
      this.#flushed += chunk.length;
      this.#write(chunk);
    }
  }

  /**
   * A part of the writer's own buffer, of 1 to `size` bytes. What is read into its beginning and given to `fileData` as
   * the next event is not copied.
   */
  roomForData(size: number): Uint8Array {
    const free = () => this.#buffer.length - this.#used;
    if (free() < Math.min(size, largeChunk)) this.#flush();
    return this.#buffer.subarray(this.#used, this.#used + Math.min(size, free()));
  }

  endFile(): void {
    if (this.#expected !== 'data') throw this.#badEvent('endFile');
    if (this.#left > 0) throw this.#wrongSize(this.#size - this.#left);
    this.#putPadding(this.#size);
    this.#endNode();
  }

  symlink(target: ByteString): void {
    this.#startNode();
    const { maxTargetLength } = this.#limits;
    if (!isSymlinkTarget(target)) throw this.#refuse('nar/bad-target', 'NAR contains invalid symlink target');
    if (target.length > maxTargetLength)
      throw this.#refuse(
        'nar/target-too-long',
        `string is too long: the target has ${target.length} bytes, at most ${maxTargetLength} are allowed`,
      );
    this.#putPhrase(startSymlink);
    this.#putString(target);
    this.#endNode();
  }

  #startNode(): void {
    if (this.#expected !== 'node') throw this.#badEvent('a node');
  }

  #endNode(): void {
    if (this.#names.length > 0) {
      this.#putPhrase(closeTwice);
      this.#expected = 'entry';
    } else {
      this.#putPhrase(close);
      this.#expected = 'nothing';
      this.#flush();
    }
  }

  #putPhrase(phrase: Phrase): void {
    this.#reserve(phrase.length);
    this.#buffer.set(phrase.bytes, this.#used);
    this.#used += phrase.length;
  }

  #putLength(length: number): void {
    this.#reserve(8);
    this.#view.setUint32(this.#used, length % 2 ** 32, true);
    this.#view.setUint32(this.#used + 4, Math.floor(length / 2 ** 32), true);
    this.#used += 8;
  }

  #putString(text: ByteString): void {
    const length = text.length;
    this.#putLength(length);
    if (length <= fewBytes) {
      this.#reserve(fewBytes);
      const buffer = this.#buffer;
      const start = this.#used;
      for (let at = 0; at < length; at++) buffer[start + at] = text.charCodeAt(at);
      this.#used += length;
    } else if (length <= this.#buffer.length) {
      this.#reserve(length);
      this.#used += this.#buffer.write(text, this.#used, 'latin1');
    } else this.#put(Buffer.from(text, 'latin1'));
    this.#putPadding(length);
  }

  #putPadding(length: number): void {
    this.#reserve(8);
    const count = padding(length);
    this.#buffer.fill(0, this.#used, this.#used + count);
    this.#used += count;
  }

  #put(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#used === this.#buffer.length) this.#flush();
      const count = Math.min(bytes.length - at, this.#buffer.length - this.#used);
      this.#buffer.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), this.#used);
      this.#used += count;
      at += count;
    }
  }

  /** Makes room for `count` bytes, at most the smallest buffer's size. */
  #reserve(count: number): void {
    if (this.#buffer.length - this.#used < count) this.#flush();
  }

  #flush(): void {
    if (this.#used === 0) return;
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#flushed += this.#used;
    this.#used = 0;
    this.#write(bytes);
    if (this.finished) return;
    if (this.#takeBuffer !== undefined) this.#buffer = this.#takeBuffer();
    else if (this.#buffer.length < this.#bufferSize) this.#buffer = Buffer.allocUnsafeSlow(this.#bufferSize);
    else return;
    this.#view = viewOf(this.#buffer);
  }

  /** Where in the tree the writer is, for messages. */
  get #place(): string {
    const names = this.#names.filter(name => name !== undefined).map(name => excerpt(displayBytes(name)));
    return names.length === 0 ? 'the root' : `'${names.join('/')}'`;
  }

  #refuse(code: NixCompatErrorCode, message: string): NixCompatError {
    return new NixCompatError(code, `${message} (at ${this.#place} of the tree)`);
  }

  #badEvent(event: string): NixCompatError {
    return this.#refuse('nar/bad-event', `${event} cannot come where ${this.#expected} is expected`);
  }

  #wrongSize(got: number): NixCompatError {
    const relation = got > this.#size ? 'at least' : 'only';
    return this.#refuse('nar/wrong-size', `a file was announced with ${this.#size} bytes but has ${relation} ${got}`);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
