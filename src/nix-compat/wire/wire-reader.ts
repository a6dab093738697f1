import { type ByteString, byteStringOf } from '../../base/index.ts';
import { ByteGatherer } from '../byte-gatherer.ts';
import { NixCompatError, type NixCompatErrorCode } from '../error.ts';
import { paddedLength } from '../nar/phrase.ts';
import type { MessageBudget } from './message-budget.ts';

/** Bounds on what one message may make its receiver hold. C++ Nix has none. */
export interface WireLimits {
  /** Bytes in one string. */
  readonly maxStringLength: number;
  /** Bytes of all numbers and strings since `startMessage`; what is streamed does not count. */
  readonly maxMessageSize: number;
  /** Items of one list, or pairs of one map: fewer than a Map holds, which is 2^24. */
  readonly maxItems: number;
  /** Shared with others; what is small does not count. */
  readonly budget?: MessageBudget;
}

/** Bytes in which memory is taken from the budget. A message of fewer takes none. */
const budgetStep = 256 * 1024;

export const defaultWireLimits: WireLimits = {
  maxStringLength: 64 * 1024 * 1024,
  maxMessageSize: 512 * 1024 * 1024,
  maxItems: 10_000_000,
};

/** Takes bytes until it has enough, as NarReader does. */
export interface StreamParser {
  readonly finished: boolean;
  /** Returns how many bytes of `chunk`, which is lent, it took: all unless it is finished. */
  push(chunk: Uint8Array): number | Promise<number>;
  /** Called when the stream ends too early; throws. */
  end(): void;
}

/** What a WireReader reads from: chunks, some of which may be had without waiting. */
export interface ByteSource {
  [Symbol.asyncIterator](): ByteIterator;
}

/** Each chunk is lent until the next is asked for. */
export interface ByteIterator extends AsyncIterator<Uint8Array, unknown, undefined> {
  /** The next chunk if it is here; undefined where `next` would have to wait, or there is none. */
  ready?(): Uint8Array | undefined;
}

const noBytes = new Uint8Array(0);

/**
 * Reads the primitives of Nix's protocols from a stream of chunks: numbers are 64 bits little-endian, strings have
 * their length before and zeros up to a multiple of 8 behind them.
 *
 *     const reader = new WireReader(socket);
 *     const path = await reader.string();
 *     await reader.feed(new NarReader(sink));
 *
 * One read at a time. Throws NixCompatErrors `wire/...` with the offset in the stream; after any the stream is of no
 * more use, since nothing marks where its next message starts.
 */
export class WireReader implements AsyncDisposable {
  readonly #source: ByteIterator | (Iterator<Uint8Array> & { readonly ready?: undefined });
  readonly #limits: WireLimits;

  /** The chunk that is read from #at on, and how many bytes came before it. */
  #chunk: Uint8Array = noBytes;
  #view: DataView = new DataView(noBytes.buffer);
  #at = 0;
  #base = 0;
  /** Where the message started, not counting what was streamed since. */
  #messageStart = 0;
  /** What was taken from the budget, and the size up to which nothing more need be: never beyond the limit of a message. */
  #taken = 0;
  #checkedSize: number;

  /** The number read last. */
  #low = 0;
  #high = 0;

  constructor(source: ByteSource | Iterable<Uint8Array>, limits: Partial<WireLimits> = {}) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#limits = { ...defaultWireLimits, ...limits };
    this.#checkedSize = this.#freeSize;
  }

  /** Closes the source, if it can be. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#giveBack();
    await this.#source.return?.();
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** Starts to count towards `maxMessageSize` anew. */
  startMessage(): void {
    this.#messageStart = this.offset;
    if (this.#taken > 0) this.#giveBack();
  }

  /** Bytes of a message that nobody has to be asked for. */
  get #freeSize(): number {
    const { budget, maxMessageSize } = this.#limits;
    return budget === undefined ? maxMessageSize : Math.min(budgetStep, maxMessageSize);
  }

  #giveBack(): void {
    this.#limits.budget?.giveBack(this.#taken);
    this.#taken = 0;
    this.#checkedSize = this.#freeSize;
  }

  /** Whether bytes have been received that were not read. */
  get hasUnread(): boolean {
    return this.#at < this.#chunk.length;
  }

  /** Whether bytes are here that were not read; receives more if there are none, without waiting. */
  #hasMore(): boolean {
    if (this.hasUnread) return true;
    const chunk = this.#source.ready?.();
    if (chunk === undefined || chunk.length === 0) return false;
    this.#enter(chunk);
    return true;
  }

  /** As `number`, without waiting: undefined, and nothing is read, where not all of it is here. */
  takeNumber(max: number = Number.MAX_SAFE_INTEGER): number | undefined {
    return this.#hasMore() && this.#takeWord() ? this.#lastNumber(max) : undefined;
  }

  /** As `string`, without waiting: undefined, and nothing is read, where not all of it is here. */
  takeString(maxLength: number = this.#limits.maxStringLength): ByteString | undefined {
    const at = this.#at;
    if (!this.#hasMore() || !this.#takeWord()) return undefined;
    const length = this.#stringLength(maxLength);
    const bytes = this.#takeBytes(paddedLength(length));
    if (bytes !== undefined) return byteStringOf(this.#withoutPadding(bytes, length));
    this.#at = at;
    return undefined;
  }

  /** Whether the stream ends here. */
  async atEnd(): Promise<boolean> {
    return this.#at === this.#chunk.length && !(await this.#nextChunk());
  }

  /** A number of at most `max`, which is at most 2^53 - 1. Throws `wire/number-too-large`. */
  async number(max: number = Number.MAX_SAFE_INTEGER): Promise<number> {
    if (!this.#takeWord()) await this.#gatherWord();
    return this.#lastNumber(max);
  }

  #lastNumber(max: number): number {
    const number = this.#low + this.#high * 2 ** 32;
    if (number <= max) return number;
    const value = (BigInt(this.#high) << 32n) | BigInt(this.#low);
    throw this.#refuse(
      'wire/number-too-large',
      this.offset - 8,
      `serialised integer ${value} is too large, at most ${max} is allowed`,
    );
  }

  /** Any number of 64 bits. */
  async bigint(): Promise<bigint> {
    if (!this.#takeWord()) await this.#gatherWord();
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  /** As C++ Nix, takes any number but 0 for true. */
  async boolean(): Promise<boolean> {
    if (!this.#takeWord()) await this.#gatherWord();
    return this.#low !== 0 || this.#high !== 0;
  }

  async string(maxLength: number = this.#limits.maxStringLength): Promise<ByteString> {
    return byteStringOf(await this.#value(maxLength));
  }

  /** A string's bytes, as the caller's own. */
  async bytes(maxLength: number = this.#limits.maxStringLength): Promise<Uint8Array> {
    return Uint8Array.from(await this.#value(maxLength));
  }

  /** A count and as many items. */
  async list<T>(readItem: () => Promise<T>): Promise<T[]> {
    const count = await this.number(this.#limits.maxItems);
    const items: T[] = [];
    for (let at = 0; at < count; at++) items.push(await readItem());
    return items;
  }

  /** A count and as many pairs; of equal keys the last counts. */
  async map<K, V>(readKey: () => Promise<K>, readValue: () => Promise<V>): Promise<Map<K, V>> {
    const count = await this.number(this.#limits.maxItems);
    const map = new Map<K, V>();
    for (let at = 0; at < count; at++) map.set(await readKey(), await readValue());
    return map;
  }

  /** The next bytes as they came, at least one and at most `max`; lent until the next read. */
  async chunk(max: number): Promise<Uint8Array> {
    if (await this.atEnd()) throw this.#truncated();
    const chunk = this.#chunk.subarray(this.#at, this.#at + max);
    this.#skip(chunk.length);
    return chunk;
  }

  /** Feeds `parser` from the stream until it is finished. */
  async feed(parser: StreamParser): Promise<void> {
    while (!parser.finished) {
      if (await this.atEnd()) parser.end();
      const taken = parser.push(this.#chunk.subarray(this.#at));
      this.#skip(typeof taken === 'number' ? taken : await taken);
    }
  }

  /** Moves on without counting towards the message. */
  #skip(count: number): void {
    this.#at += count;
    this.#messageStart += count;
  }

  /** The bytes of a string; lent until the next read. */
  async #value(maxLength: number): Promise<Uint8Array> {
    if (!this.#takeWord()) await this.#gatherWord();
    const length = this.#stringLength(maxLength);
    const size = paddedLength(length);
    return this.#withoutPadding(this.#takeBytes(size) ?? (await this.#gather(size)), length);
  }

  /** Of the string whose length was read last, and which is to be read now. */
  #stringLength(maxLength: number): number {
    const length = this.#low + this.#high * 2 ** 32;
    if (length > maxLength)
      throw this.#refuse(
        'wire/string-too-long',
        this.offset - 8,
        `string is too long: ${length} bytes, at most ${maxLength} are allowed`,
      );
    this.#checkMessageSize(paddedLength(length));
    return length;
  }

  /** Of a string that was read last, with its padding. */
  #withoutPadding(bytes: Uint8Array, length: number): Uint8Array {
    const size = bytes.length;
    for (let at = length; at < size; at++)
      if (bytes[at] !== 0) throw this.#refuse('wire/bad-padding', this.offset - size + at, 'non-zero padding');
    return bytes.subarray(0, length);
  }

  /** Reads a number into #low and #high if the chunk holds it whole. (Most do, and then nothing need be awaited.) */
  #takeWord(): boolean {
    if (this.#chunk.length - this.#at < 8) return false;
    this.#low = this.#view.getUint32(this.#at, true);
    this.#high = this.#view.getUint32(this.#at + 4, true);
    this.#at += 8;
    this.#checkMessageSize(0);
    return true;
  }

  /** The next `size` bytes if the chunk holds them all. */
  #takeBytes(size: number): Uint8Array | undefined {
    const end = this.#at + size;
    if (end > this.#chunk.length) return undefined;
    const bytes = this.#chunk.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  async #gatherWord(): Promise<void> {
    const word = await this.#gather(8);
    this.#low = word.readUInt32LE(0);
    this.#high = word.readUInt32LE(4);
    this.#checkMessageSize(0);
  }

  /** The next `size` bytes, copied together from several chunks. */
  async #gather(size: number): Promise<Buffer> {
    const gatherer = new ByteGatherer(size);
    while (gatherer.missing > 0) {
      if (await this.atEnd()) throw this.#truncated();
      this.#at += gatherer.push(this.#at === 0 ? this.#chunk : this.#chunk.subarray(this.#at));
    }
    return gatherer.bytes;
  }

  async #nextChunk(): Promise<boolean> {
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) {
        this.#enter(noBytes);
        return false;
      }
      if (next.value.length === 0) continue;
      this.#enter(next.value);
      return true;
    }
  }

  /** Goes on with the next chunk, when all of the one before was read. */
  #enter(chunk: Uint8Array): void {
    this.#base += this.#chunk.length;
    this.#at = 0;
    this.#chunk = chunk;
    this.#view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }

  /** Throws if the message would exceed its limit with `more` bytes. */
  #checkMessageSize(more: number): void {
    const size = this.offset + more - this.#messageStart;
    if (size > this.#checkedSize) this.#extend(size);
  }

  #extend(size: number): void {
    const { maxMessageSize, budget } = this.#limits;
    if (size > maxMessageSize) {
      throw this.#refuse('wire/message-too-large', this.offset, `a message is longer than ${maxMessageSize} bytes`);
    }
    const wanted = Math.ceil((size - this.#checkedSize) / budgetStep) * budgetStep;
    if (budget?.take(wanted) === false) {
      const message = `a message of ${size} bytes is too large while others are received: at most ${budget.size} bytes are held`;
      throw this.#refuse('wire/message-too-large', this.offset, message);
    }
    this.#taken += wanted;
    this.#checkedSize += wanted;
  }

  #truncated(): NixCompatError {
    return this.#refuse('wire/truncated', this.offset, 'unexpected end-of-file');
  }

  #refuse(code: NixCompatErrorCode, offset: number, message: string): NixCompatError {
    return new NixCompatError(code, message, { offset });
  }
}
