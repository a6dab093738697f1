import { type ByteString, type TreeSink, asBuffer, brandAs, displayBytes, unreachable } from '../../base/index.ts';
import { NixCompatError, type NixCompatErrorCode } from '../error.ts';
import { isFileName, isSymlinkTarget, refuseName } from './file-name.ts';
import { type NarLimits, defaultNarLimits, maxTagLength } from './nar-limits.ts';
import { Phrase, paddedLength, padding } from './phrase.ts';

/** What comes next in the NAR. */
type Expectation =
  /** The tags of #phrase from #tag on, and then #afterPhrase. */
  | 'phrase'
  /** The word after `type`. */
  | 'type'
  /** `executable` or `contents`. */
  | 'file tag'
  | 'size'
  | 'contents'
  | 'padding'
  | 'target'
  /** `entry` or `)`. */
  | 'directory tag'
  | 'name'
  | 'nothing';

const magic = 'nix-archive-1';
const beforeRoot = new Phrase(magic, '(', 'type');
const entry = new Phrase('entry');
const beforeName = new Phrase('(', 'name');
const beforeNode = new Phrase('node', '(', 'type');
const beforeTarget = new Phrase('target');
const executable = new Phrase('executable');
const afterExecutable = new Phrase('', 'contents');
const contents = new Phrase('contents');
const regular = new Phrase('regular');
const directory = new Phrase('directory');
const symlink = new Phrase('symlink');
const close = new Phrase(')');
const closeTwice = new Phrase(')', ')');

/** Returned instead of a position while some of a token's bytes have not come. */
const incomplete = -1;

const noBytes = Buffer.alloc(0);

/**
 * Reads a NAR from chunks of any size and tells `sink` what is in it; the events do not depend on the chunking.
 *
 *     const reader = new NarReader(sink);
 *     for (const chunk of chunks) if (reader.push(chunk) < chunk.length) break; // the rest is not the NAR's
 *     reader.end();
 *
 * Contents of files are passed on as views of the pushed chunks, never copied; between two calls the reader holds at
 * most one incomplete token. Refusals are NixCompatErrors `nar/...` in C++ Nix's words; their offset is that of the
 * refused length, value or padding byte in the NAR. After any throw, the sink's included, the reader only repeats it.
 */
export class NarReader {
  readonly #sink: TreeSink;
  readonly #limits: NarLimits;

  #expected: Expectation = 'phrase';
  #phrase = beforeRoot;
  #tag = 0;
  #afterPhrase: Expectation = 'type';
  /** For each open directory the last name in it, undefined while it is empty. */
  readonly #names: (ByteString | undefined)[] = [];
  #executable = false;
  #size = 0;
  /** Bytes of contents, then of padding, that are to come. */
  #left = 0;

  /** What is being read, a chunk or #carry, and how many bytes of the NAR come before it. */
  #bytes: Buffer = noBytes;
  #view: DataView = new DataView(noBytes.buffer);
  #base = 0;

  /** The beginning of a token in which a chunk ended, and where it stands in the NAR. */
  readonly #carry: Buffer;
  #carried = 0;
  #carryBase = 0;

  #bytesRead = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(sink: TreeSink, limits: Partial<NarLimits> = {}) {
    this.#sink = sink;
    this.#limits = { ...defaultNarLimits, ...limits };
    const longest = Math.max(maxTagLength, this.#limits.maxNameLength, this.#limits.maxTargetLength);
    this.#carry = Buffer.alloc(8 + paddedLength(longest));
  }

  /** Whether the NAR is complete. */
  get finished(): boolean {
    return this.#expected === 'nothing';
  }

  /** Bytes of the NAR that were pushed; its size once `finished`. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Reads on and returns how many bytes of `chunk` belong to the NAR: all, unless it ends within the chunk. */
  push(chunk: Uint8Array): number {
    return this.#unlessFailed(() => this.#push(chunk));
  }

  /**
   * Passes over what is left of the contents of the file that is being read, and returns how many bytes that are: the
   * next push is of those behind them. For a source that can seek and a sink that needs no contents, which then gets
   * none of these.
   */
  skipContents(): number {
    return this.#unlessFailed(() => {
      if (this.#expected !== 'contents') return 0;
      const skipped = this.#left;
      this.#expectPadding();
      return skipped;
    });
  }

  /** Says that no more bytes come; throws `nar/truncated` unless the NAR is complete. */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.finished) return;
    const message = `unexpected end-of-file: the NAR breaks off after ${this.#bytesRead} bytes`;
    throw new NixCompatError('nar/truncated', message, { offset: this.#bytesRead });
  }

  /** Does a step that returns how many bytes it read, unless one has failed; then throws what that threw. */
  #unlessFailed(read: () => number): number {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      const count = read();
      this.#bytesRead += count;
      return count;
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      this.#bytes = noBytes;
    }
  }

  #push(chunk: Uint8Array): number {
    let at = 0;
    while (this.#carried > 0 && at < chunk.length) at += this.#completeToken(chunk.subarray(at));
    if (at === chunk.length || this.finished) return at;
    this.#base = this.#bytesRead;
    at = this.#read(chunk, at);
    if (at === chunk.length || this.finished) return at;
    this.#carry.set(chunk.subarray(at));
    this.#carried = chunk.length - at;
    this.#carryBase = this.#base + at;
    return chunk.length;
  }

  /** Adds to the carried token what it is known to lack, and reads it when complete; returns the bytes taken. */
  #completeToken(chunk: Uint8Array): number {
    const known = this.#carried >= 8 && this.#expected !== 'size';
    const wanted = known ? 8 + paddedLength(this.#carry.readUInt32LE(0)) : 8;
    const taken = Math.min(wanted - this.#carried, chunk.length);
    this.#carry.set(chunk.subarray(0, taken), this.#carried);
    this.#carried += taken;
    this.#base = this.#carryBase;
    if (this.#read(this.#carry.subarray(0, this.#carried), 0) > 0) this.#carried = 0;
    return taken;
  }

  /** Reads `bytes` from `start` on; returns where an incomplete token starts, or the NAR or the bytes end. */
  #read(bytes: Uint8Array, start: number): number {
    this.#bytes = asBuffer(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = start;
    while (at < bytes.length) {
      const next = this.#step(at);
      if (next === incomplete) break;
      at = next;
    }
    return at;
  }

  #step(at: number): number {
    switch (this.#expected) {
      case 'phrase':
        return this.#readPhrase(at);
      case 'type':
        return this.#readType(at);
      case 'file tag':
        return this.#readFileTag(at);
      case 'size':
        return this.#readSize(at);
      case 'contents':
        return this.#readContents(at);
      case 'padding':
        return this.#readPadding(at);
      case 'target':
        return this.#readTarget(at);
      case 'directory tag':
        return this.#readDirectoryTag(at);
      case 'name':
        return this.#readName(at);
      case 'nothing':
        return incomplete;
      default:
        return unreachable(this.#expected);
    }
  }

  #expect(phrase: Phrase, after: Expectation): void {
    this.#expected = 'phrase';
    this.#phrase = phrase;
    this.#tag = 0;
    this.#afterPhrase = after;
  }

  #readPhrase(at: number): number {
    const phrase = this.#phrase;
    if (this.#tag === 0 && this.#sees(phrase, at)) {
      this.#expected = this.#afterPhrase;
      return at + phrase.length;
    }
    const wanted = phrase.tags[this.#tag] ?? '';
    const length = this.#tokenLength(at, wanted === '' || wanted === magic ? wanted.length : maxTagLength);
    if (length === incomplete) return incomplete;
    if (this.#bytes.toString('latin1', at + 8, at + 8 + length) !== wanted) {
      if (wanted === magic) throw this.#notAnArchive();
      throw this.#unexpectedTag(`'${wanted}'`, at, length);
    }
    this.#tag++;
    if (this.#tag === phrase.tags.length) this.#expected = this.#afterPhrase;
    return at + 8 + paddedLength(length);
  }

  #readType(at: number): number {
    if (this.#sees(regular, at)) {
      this.#executable = false;
      this.#expected = 'file tag';
      return at + regular.length;
    }
    if (this.#sees(directory, at)) {
      this.#sink.startDirectory();
      this.#names.push(undefined);
      this.#expected = 'directory tag';
      return at + directory.length;
    }
    if (this.#sees(symlink, at)) {
      this.#expect(beforeTarget, 'target');
      return at + symlink.length;
    }
    const length = this.#tokenLength(at, maxTagLength);
    if (length === incomplete) return incomplete;
    throw this.#refuse('nar/bad-type', at + 8, `bad archive: unknown file type '${this.#shown(at, length)}'`);
  }

  #readFileTag(at: number): number {
    if (this.#sees(contents, at)) {
      this.#expected = 'size';
      return at + contents.length;
    }
    if (this.#sees(executable, at)) {
      this.#executable = true;
      this.#expect(afterExecutable, 'size');
      return at + executable.length;
    }
    const length = this.#tokenLength(at, maxTagLength);
    if (length === incomplete) return incomplete;
    throw this.#unexpectedTag(`'contents'`, at, length);
  }

  #readSize(at: number): number {
    if (this.#bytes.length - at < 8) return incomplete;
    const size = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
    const limit = this.#limits.maxFileSize;
    if (size > limit)
      throw this.#refuse(
        'nar/file-too-large',
        at,
        `a file of ${size} bytes is too large, at most ${limit} are allowed`,
      );
    this.#size = size;
    this.#left = size;
    this.#sink.startFile(this.#executable, size);
    if (size > 0) this.#expected = 'contents';
    else this.#endFile();
    return at + 8;
  }

  #readContents(at: number): number {
    const bytes = this.#bytes;
    const count = Math.min(this.#left, bytes.length - at);
    this.#left -= count;
    this.#sink.fileData(new Uint8Array(bytes.buffer, bytes.byteOffset + at, count));
    if (this.#left === 0) this.#expectPadding();
    return at + count;
  }

  #expectPadding(): void {
    this.#left = padding(this.#size);
    if (this.#left > 0) this.#expected = 'padding';
    else this.#endFile();
  }

  #readPadding(at: number): number {
    const end = at + Math.min(this.#left, this.#bytes.length - at);
    this.#checkPadding(at, end);
    this.#left -= end - at;
    if (this.#left === 0) this.#endFile();
    return end;
  }

  #endFile(): void {
    this.#sink.endFile();
    this.#endLeaf();
  }

  #endLeaf(): void {
    if (this.#names.length === 0) this.#expect(close, 'nothing');
    else this.#expect(closeTwice, 'directory tag');
  }

  #readTarget(at: number): number {
    const length = this.#tokenLength(at, this.#limits.maxTargetLength);
    if (length === incomplete) return incomplete;
    const target = this.#byteString(at, length);
    if (!isSymlinkTarget(target))
      throw this.#refuse('nar/bad-target', at + 8, 'bad archive: NAR contains invalid symlink target');
    this.#sink.symlink(target);
    this.#endLeaf();
    return at + 8 + paddedLength(length);
  }

  #readDirectoryTag(at: number): number {
    if (this.#sees(entry, at)) {
      this.#expect(beforeName, 'name');
      return at + entry.length;
    }
    if (this.#sees(close, at)) {
      this.#names.pop();
      this.#sink.endDirectory();
      if (this.#names.length === 0) this.#expected = 'nothing';
      else this.#expect(close, 'directory tag');
      return at + close.length;
    }
    const length = this.#tokenLength(at, maxTagLength);
    if (length === incomplete) return incomplete;
    throw this.#unexpectedTag(`'entry' or ')'`, at, length);
  }

  #readName(at: number): number {
    const length = this.#tokenLength(at, this.#limits.maxNameLength);
    if (length === incomplete) return incomplete;
    const names = this.#names;
    const name = this.#byteString(at, length);
    const previous = names.at(-1);
    if (!isFileName(name) || (previous !== undefined && name <= previous))
      throw refuseName(name, previous, this.#base + at + 8);
    const end = at + 8 + paddedLength(length);
    const depth = this.#limits.maxDepth;
    if (names.length >= depth)
      throw this.#refuse('nar/too-deep', end, `bad archive: NAR directory nesting exceeds maximum depth of ${depth}`);
    names[names.length - 1] = name;
    this.#sink.entry(name);
    this.#expect(beforeNode, 'type');
    return end;
  }

  /** Whether `phrase` stands at `at` in full. */
  #sees(phrase: Phrase, at: number): boolean {
    return this.#bytes.length - at >= phrase.length && phrase.matches(this.#view, at);
  }

  /** The length of the value at `at`, its padding checked, or `incomplete`. */
  #tokenLength(at: number, limit: number): number {
    const rest = this.#bytes.length - at;
    if (rest < 8) return incomplete;
    const length = this.#view.getUint32(at, true);
    if (length > limit || this.#view.getUint32(at + 4, true) !== 0) throw this.#tooLong(at, limit);
    if (rest < 8 + paddedLength(length)) return incomplete;
    this.#checkPadding(at + 8 + length, at + 8 + paddedLength(length));
    return length;
  }

  #checkPadding(start: number, end: number): void {
    for (let at = start; at < end; at++)
      if (this.#bytes[at] !== 0) {
        if (this.#expectsMagic) throw this.#notAnArchive();
        throw this.#refuse('nar/bad-padding', at, 'non-zero padding');
      }
  }

  #byteString(at: number, length: number): ByteString {
    return brandAs<ByteString>(this.#bytes.toString('latin1', at + 8, at + 8 + length));
  }

  #shown(at: number, length: number): string {
    return displayBytes(this.#byteString(at, length));
  }

  get #expectsMagic(): boolean {
    return this.#expected === 'phrase' && this.#phrase === beforeRoot && this.#tag === 0;
  }

  /** A refusal of what stands at `at` in the bytes being read. */
  #refuse(code: NixCompatErrorCode, at: number, message: string): NixCompatError {
    return new NixCompatError(code, message, { offset: this.#base + at });
  }

  #notAnArchive(): NixCompatError {
    return this.#refuse('nar/bad-magic', 0, "bad archive: input doesn't look like a Nix archive");
  }

  #unexpectedTag(wanted: string, at: number, length: number): NixCompatError {
    const message = `bad archive: expected tag ${wanted}, got '${this.#shown(at, length)}'`;
    return this.#refuse('nar/unexpected-tag', at + 8, message);
  }

  #tooLong(at: number, limit: number): NixCompatError {
    if (this.#expectsMagic) return this.#notAnArchive();
    const length = this.#view.getBigUint64(at, true);
    const allowed = `${length} bytes, at most ${limit} are allowed`;
    if (this.#expected === 'name')
      return this.#refuse('nar/name-too-long', at, `string is too long: a file name of ${allowed}`);
    if (this.#expected === 'target')
      return this.#refuse('nar/target-too-long', at, `string is too long: the target of a symlink of ${allowed}`);
    return this.#refuse('nar/tag-too-long', at, `string is too long: a tag of ${allowed}`);
  }
}
