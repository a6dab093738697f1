import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import type { BlobBatch } from '../blob-store.ts';
import type { Digest } from '../digest.ts';
import { encodeDirectory, maxDirectoryEntries, maxDirectorySize } from '../directory.ts';
import { checkEntryName, checkSymlinkTarget } from '../entry-name.ts';
import { CastoreError } from '../error.ts';
import type { Node } from '../node.ts';
import { Additions, type AdditionsOptions } from './additions.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { type Content, ContentMemory } from './content-memory.ts';
import type { TreeReceiver } from './tree-receiver.ts';

/** Files up to this many bytes are added whole, larger ones as they come. */
const wholeFileLimit = 256 * 1024;

/** Of the memory that contents of larger files are read to. */
const scratchSize = 1024 * 1024;

/** A directory whose entries are still coming, or whose entries' blobs are not all added yet. */
interface Frame {
  readonly parent: Frame | undefined;
  /** Where the directory goes in its parent. */
  readonly slot: number;
  readonly entries: { readonly name: ByteString; node: Node | undefined }[];
  /** Bytes of names and targets, which the encoded directory has too. */
  textSize: number;
  /** Entries without a node. */
  unresolved: number;
  closed: boolean;
}

interface OpenFile {
  readonly executable: boolean;
  readonly size: number;
  received: number;
  readonly content: Content | ChunkQueue;
}

/**
 * Turns tree events into blobs and directories of a batch:
 *
 *     await using builder = new TreeBuilder(batch);
 *     const reader = new NarReader(builder);
 *     for await (const chunk of source) {
 *       reader.push(chunk);
 *       await builder.drain();
 *     }
 *     reader.end();
 *     const root = await builder.finish();
 *
 * Events are taken at any time; `drain` is where the sender waits until few enough bytes are on their way, so that
 * memory stays within `highWater` bytes, the entries of open directories (`directory/too-many-entries`,
 * `directory/too-large`) and what is sent between two waits. A failed addition is thrown by the next event,
 * `drain` or `finish`. Dispose of the builder before the batch: it ends the additions that are under way.
 */
export class TreeBuilder implements TreeReceiver, AsyncDisposable {
  readonly #batch: BlobBatch;
  readonly #signal: AbortSignal | undefined;
  readonly #additions: Additions;
  readonly #memory = new ContentMemory();
  #scratch: Uint8Array | undefined;

  /** Holds the root as its only entry. */
  readonly #top: Frame = {
    parent: undefined,
    slot: 0,
    entries: [{ name: brandAs<ByteString>(''), node: undefined }],
    textSize: 0,
    unresolved: 1,
    closed: false,
  };
  #frame = this.#top;
  #file: OpenFile | undefined;
  /** Whether a node must come next: at first, and after `entry`. */
  #nodeExpected = true;

  constructor(batch: BlobBatch, options: AdditionsOptions = {}) {
    this.#batch = batch;
    this.#signal = options.signal;
    this.#additions = new Additions(options);
    // The addition of a large file waits for contents that will not come.
    this.#additions.onFailure(error => {
      if (this.#file?.content instanceof ChunkQueue) this.#file.content.fail(error);
    });
  }

  startDirectory(): void {
    this.#takeNode('a directory');
    const { entries } = this.#frame;
    const parent = this.#frame;
    this.#frame = { parent, slot: entries.length - 1, entries: [], textSize: 0, unresolved: 0, closed: false };
  }

  entry(name: ByteString): void {
    this.#additions.rethrow();
    if (this.#nodeExpected || this.#file !== undefined || this.#frame.parent === undefined)
      throw this.#badEvent('an entry');
    checkEntryName(name);
    const { entries } = this.#frame;
    const previous = entries.at(-1)?.name;
    if (previous !== undefined && name <= previous) {
      const message = `the entry '${displayBytes(name)}' comes after ${this.#place()}`;
      throw new CastoreError('directory/unsorted', message);
    }
    if (entries.length === maxDirectoryEntries) {
      const message = `the directory of ${this.#place()} has more than ${maxDirectoryEntries} entries, which is the limit`;
      throw new CastoreError('directory/too-many-entries', message);
    }
    this.#countText(name);
    entries.push({ name, node: undefined });
    this.#frame.unresolved++;
    this.#nodeExpected = true;
  }

  endDirectory(): void {
    this.#additions.rethrow();
    const frame = this.#frame;
    if (this.#nodeExpected || this.#file !== undefined || frame.parent === undefined)
      throw this.#badEvent('the end of a directory');
    this.#frame = frame.parent;
    frame.closed = true;
    if (frame.unresolved === 0) this.#addDirectory(frame);
  }

  startFile(executable: boolean, size: number): void {
    this.#takeNode('a file');
    if (size <= wholeFileLimit) {
      this.#file = { executable, size, received: 0, content: this.#memory.take(size) };
      return;
    }
    const queue = new ChunkQueue(bytes => this.#additions.count(-bytes));
    this.#file = { executable, size, received: 0, content: queue };
    this.#addFile(executable, 0, () => this.#batch.putStream(queue, { executable, signal: this.#signal }));
  }

  fileData(chunk: Uint8Array): void {
    this.#additions.rethrow();
    const file = this.#file;
    if (file === undefined) throw this.#badEvent('contents');
    if (chunk.byteLength > file.size - file.received) throw this.#wrongSize(file, 'more');
    if (file.content instanceof ChunkQueue) {
      this.#additions.count(chunk.byteLength);
      file.content.push(chunk);
    } else {
      const { bytes } = file.content;
      const inPlace = chunk.buffer === bytes.buffer && chunk.byteOffset === bytes.byteOffset + file.received;
      if (!inPlace) bytes.set(chunk, file.received);
    }
    file.received += chunk.byteLength;
  }

  roomForData(size: number): Uint8Array {
    const file = this.#file;
    if (file === undefined || file.content instanceof ChunkQueue || file.received === file.size)
      return (this.#scratch ??= new Uint8Array(scratchSize)).subarray(0, size);
    return file.content.bytes.subarray(file.received, file.received + size);
  }

  endFile(): void {
    this.#additions.rethrow();
    const file = this.#file;
    if (file === undefined) throw this.#badEvent('the end of a file');
    if (file.received < file.size) throw this.#wrongSize(file, `only ${file.received}`);
    this.#file = undefined;
    const { executable, content } = file;
    if (content instanceof ChunkQueue) content.end();
    else this.#addFile(executable, file.size, () => this.#put(content, executable));
  }

  async #put({ bytes, release }: Content, executable: boolean): Promise<Digest> {
    try {
      return await this.#batch.put(bytes, { executable, signal: this.#signal });
    } finally {
      release();
    }
  }

  symlink(target: ByteString): void {
    this.#takeNode('a symlink');
    checkSymlinkTarget(target);
    this.#countText(target);
    const frame = this.#frame;
    this.#resolve(frame, frame.entries.length - 1, { kind: 'symlink', target });
  }

  /** Refuses at once what would be found too large when the directory ends. */
  #countText(text: ByteString): void {
    this.#frame.textSize += text.length;
    if (this.#frame.textSize <= maxDirectorySize) return;
    const message = `the directory of ${this.#place()} is larger than ${maxDirectorySize} bytes, which is the limit`;
    throw new CastoreError('directory/too-large', message);
  }

  /** Whether `drain` would wait. */
  get full(): boolean {
    return this.#additions.full;
  }

  drain(): Promise<void> {
    return this.#additions.drain();
  }

  /** After the last event: the root, once all its blobs are added. */
  async finish(): Promise<Node> {
    this.#additions.rethrow();
    if (this.#nodeExpected || this.#file !== undefined || this.#frame.parent !== undefined)
      throw this.#badEvent('the end of the tree');
    await this.#additions.settle();
    const root = this.#top.entries[0]?.node;
    if (root === undefined) throw this.#badEvent('the end of the tree');
    return root;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#additions[Symbol.asyncDispose]();
  }

  #takeNode(event: string): void {
    this.#additions.rethrow();
    if (!this.#nodeExpected) throw this.#badEvent(event);
    this.#nodeExpected = false;
  }

  /** Starts an addition, whose blob becomes the newest entry of the open directory. */
  #addFile(executable: boolean, size: number, put: () => Promise<Digest>): void {
    const frame = this.#frame;
    const slot = frame.entries.length - 1;
    this.#additions.add(size, async () => {
      const digest = await put();
      this.#resolve(frame, slot, { kind: 'file', digest, executable });
    });
  }

  #addDirectory(frame: Frame): void {
    const { parent } = frame;
    if (parent === undefined) return;
    const entries = frame.entries.flatMap(({ name, node }) => (node === undefined ? [] : [{ name, node }]));
    const bytes = encodeDirectory({ entries });
    this.#additions.add(bytes.byteLength, async () => {
      const digest = await this.#batch.put(bytes, { signal: this.#signal });
      this.#resolve(parent, frame.slot, { kind: 'directory', digest });
    });
  }

  #resolve(frame: Frame, slot: number, node: Node): void {
    const entry = frame.entries[slot];
    if (entry === undefined || entry.node !== undefined) return;
    entry.node = node;
    frame.unresolved--;
    if (frame.closed && frame.unresolved === 0) this.#addDirectory(frame);
  }

  #wrongSize(file: OpenFile, received: string): CastoreError {
    return new CastoreError(
      'tree/bad-event',
      `${this.#place()} was announced with ${file.size} bytes and has ${received}`,
    );
  }

  #badEvent(event: string): CastoreError {
    return new CastoreError('tree/bad-event', `${event} cannot come at ${this.#place()}`);
  }

  /** The path of the newest entry, for messages. */
  #place(): string {
    const names: string[] = [];
    for (let frame: Frame | undefined = this.#frame; frame !== undefined; frame = frame.parent) {
      const name = frame.entries.at(-1)?.name;
      if (name !== undefined && name !== '') names.push(displayBytes(name));
    }
    return names.length === 0 ? 'the root of the tree' : `'${names.toReversed().join('/')}'`;
  }
}
