import { setImmediate as turn } from 'node:timers/promises';
import type { ByteString } from '../../base/index.ts';
import type { CallOptions } from '../blob-store.ts';
import type { TreeReceiver } from '../tree/tree-receiver.ts';
import { ScriptWriter } from '../tree/tree-script.ts';
import { type DraftContents, type DraftPart, type DraftPlacing, DraftTable } from './draft-table.ts';
import type { BlobPlaces, DraftTree } from './draft-writer.ts';
import { type FileSystem, realFileSystem } from './file-system.ts';
import type { FileThread } from './file-thread.ts';
import type { Placing } from './place-draft.ts';

/** In bytes. */
const slabSize = 256 * 1024;

/** Slabs that are sent in one message; that many bytes cost as much as the message. */
const slabsAtOnce = 4;

/** Steps that are sent in one message. */
const stepsAtOnce = 8192;

/** Slabs on their way to the thread, or being filled, beyond which senders wait. */
const slabsOnTheWay = 128;

/** So many files are written before a thread is started for it, which takes 15 ms. */
const fewFiles = 64;

/**
 * A tree of so few steps, some three files, and of one slab is written on this thread: to send it to another and to hear of it
 * takes longer.
 */
const fewSteps = 64;

/** Milliseconds that drafts of this thread are placed for before others get their turn. */
const turnLength = 10;

/** What is needed of a store. */
export interface DraftsOwner {
  readonly fileSystem: FileSystem;
  readonly thread: FileThread;
  readonly blobs: () => BlobPlaces;
  /** A path within the temporary folder, of nobody else's. */
  newPath(): string;
}

export interface DraftOptions extends CallOptions {
  /** Whether nothing is linked to files of blobs that are there already. */
  readonly renew?: boolean;
  /**
   * Whether its sender has nothing else to do than to wait for it: if it is small, another thread's help would cost more
   * than it gives (200 trees of one file: 1.9 ms of processor time each instead of 4 ms).
   */
  readonly atOnce?: boolean;
}

/** Makes drafts: on this thread while they are few and small, else on the one that makes files. */
export class Drafts {
  readonly #owner: DraftsOwner;
  readonly #table: DraftTable;
  readonly #spare: Uint8Array[] = [];
  readonly #waiting = new Set<() => void>();
  #lent = 0;
  #serial = 0;
  #written = 0;

  constructor(owner: DraftsOwner) {
    this.#owner = owner;
    this.#table = new DraftTable(owner.fileSystem);
  }

  begin(options: DraftOptions): TreeDraft {
    const blobs = this.#owner.blobs();
    const { renew = false, atOnce = false, signal } = options;
    const places = renew ? { ...blobs, smallFile: Infinity } : blobs;
    return new TreeDraft(this, { id: this.#serial++, path: this.#owner.newPath(), blobs: places, atOnce, signal });
  }

  /** Memory for contents. */
  take(): Uint8Array {
    this.#lent++;
    return this.#spare.pop() ?? new Uint8Array(new SharedArrayBuffer(slabSize));
  }

  giveBack(slabs: readonly Uint8Array[]): void {
    this.#lent -= slabs.length;
    for (const slab of slabs) if (this.#spare.length < slabsOnTheWay) this.#spare.push(slab);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  get isFull(): boolean {
    return this.#lent > slabsOnTheWay;
  }

  /** Resolves when memory was given back. */
  whenGivenBack(): Promise<void> {
    return new Promise(resolve => this.#waiting.add(resolve));
  }

  /** Whether the whole of a draft is to be written on this thread. */
  suitsThisThread({ isWhole, files, isSmall, atOnce }: DraftTraits): boolean {
    const { fileSystem, thread } = this.#owner;
    if (fileSystem !== realFileSystem) return true;
    if (!isWhole) return false;
    if (isSmall || (atOnce && files <= fewFiles)) return true;
    return !thread.isRunning && (this.#written += files) <= fewFiles;
  }

  /** Writes a part, on the thread that is chosen. */
  async write(part: DraftPart, here: boolean): Promise<DraftContents | undefined> {
    return here ? this.#table.write(part) : await this.#owner.thread.writeDraft(part);
  }

  /** Places drafts; what has gone wrong with each. */
  async place(
    drafts: readonly { readonly draft: TreeDraft; readonly placing: Placing }[],
  ): Promise<(Error | undefined)[]> {
    const elsewhere: { readonly at: number; readonly placing: DraftPlacing }[] = [];
    const failures: (Error | undefined)[] = [];
    let since = performance.now();
    for (const [at, { draft, placing }] of drafts.entries()) {
      if (performance.now() - since > turnLength) {
        await turn();
        since = performance.now();
      }
      if (draft.isHere) failures[at] = attempt(() => this.#table.place({ id: draft.id, ...placing }));
      else elsewhere.push({ at, placing: { id: draft.id, ...placing } });
    }
    if (elsewhere.length > 0) {
      const found = await this.#owner.thread.placeDrafts(elsewhere.map(({ placing }) => placing));
      for (const [i, { at }] of elsewhere.entries()) failures[at] = found[i];
    }
    return failures;
  }

  get blobs(): BlobPlaces {
    return this.#owner.blobs();
  }

  /** Moves a complete draft that was written on this thread to where it belongs: `moveDraft`. */
  move(draft: TreeDraft, target: string): DraftTree {
    return this.#table.move(draft.id, target);
  }

  /** Of a complete draft that was written on this thread. */
  treeOf(draft: TreeDraft): DraftTree | undefined {
    return draft.isHere ? this.#table.treeOf(draft.id) : undefined;
  }

  async discard(draft: TreeDraft): Promise<void> {
    if (draft.isHere) this.#table.discard(draft.id, draft.path);
    else await this.#owner.thread.discardDraft(draft.id, draft.path);
  }
}

interface DraftTraits {
  /** Whether it is complete and nothing of it has been written yet. */
  readonly isWhole: boolean;
  readonly files: number;
  readonly isSmall: boolean;
  readonly atOnce: boolean;
}

function attempt(action: () => void): Error | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

interface TreeDraftOptions {
  readonly id: number;
  readonly path: string;
  readonly blobs: BlobPlaces;
  readonly atOnce: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * A tree on its way to a checkout: its events are taken at any time; `drain` is where the sender waits until few enough
 * bytes are on their way. What has gone wrong is thrown by the next event, `drain` or `finish`. It is the batch's, which
 * discards it unless it is placed.
 */
export class TreeDraft implements TreeReceiver {
  readonly id: number;
  /** Where it is until it is placed. */
  readonly path: string;
  readonly #drafts: Drafts;
  readonly #blobs: BlobPlaces;
  readonly #atOnce: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #recorder: ScriptWriter;
  /** Undefined until the first part is written. */
  #here: boolean | undefined;
  #underWay = 0;
  #whenIdle: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #contents: DraftContents | undefined;
  #isPlaced = false;
  #isDiscarded = false;

  constructor(drafts: Drafts, { id, path, blobs, atOnce, signal }: TreeDraftOptions) {
    this.id = id;
    this.path = path;
    this.#drafts = drafts;
    this.#blobs = blobs;
    this.#atOnce = atOnce;
    this.#signal = signal;
    this.#recorder = new ScriptWriter(drafts);
  }

  /** Whether it is written on this thread. */
  get isHere(): boolean {
    return this.#here ?? true;
  }

  startDirectory(): void {
    this.#recorder.startDirectory();
  }

  entry(name: ByteString): void {
    this.#rethrow();
    this.#recorder.entry(name);
  }

  endDirectory(): void {
    this.#recorder.endDirectory();
    if (this.#recorder.stepCount >= stepsAtOnce) this.#send(false);
  }

  startFile(executable: boolean, size: number): void {
    this.#recorder.startFile(executable, size);
  }

  fileData(chunk: Uint8Array): void {
    this.#rethrow();
    this.#recorder.fileData(chunk);
    if (this.#recorder.slabCount > slabsAtOnce) this.#send(false);
  }

  roomForData(size: number): Uint8Array {
    return this.#recorder.roomForData(size);
  }

  endFile(): void {
    this.#recorder.endFile();
    if (this.#recorder.stepCount >= stepsAtOnce) this.#send(false);
  }

  symlink(target: ByteString): void {
    this.#recorder.symlink(target);
    if (this.#recorder.stepCount >= stepsAtOnce) this.#send(false);
  }

  get full(): boolean {
    return this.#drafts.isFull;
  }

  async drain(): Promise<void> {
    this.#rethrow();
    while (this.#drafts.isFull && this.#underWay > 0) {
      await this.#drafts.whenGivenBack();
      this.#rethrow();
    }
  }

  /** After the last event: what the tree holds, once all of it is written. */
  async finish(): Promise<DraftContents> {
    this.#rethrow();
    this.#send(true);
    await this.#idle();
    this.#rethrow();
    if (this.#contents === undefined) throw new TypeError('the draft has no contents');
    return this.#contents;
  }

  /** What it holds, once it is finished. */
  get contents(): DraftContents | undefined {
    return this.#contents;
  }

  /** Tells it that it is where it belongs. */
  placed(): void {
    this.#isPlaced = true;
  }

  /** Removes it unless it was placed. */
  async discard(): Promise<void> {
    if (this.#isPlaced || this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#failure ??= { error: new DOMException('the draft was discarded', 'AbortError') };
    this.#drafts.giveBack(this.#recorder.take().slabs);
    await this.#idle();
    if (this.#here !== undefined) await this.#drafts.discard(this);
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#signal?.throwIfAborted();
  }

  #send(isLast: boolean): void {
    this.#here ??= this.#drafts.suitsThisThread({
      isWhole: isLast,
      files: this.#recorder.fileCount,
      isSmall: this.#recorder.stepCount <= fewSteps && this.#recorder.slabCount <= 1,
      atOnce: this.#atOnce,
    });
    const script = this.#recorder.take();
    this.#underWay++;
    void this.#write({ id: this.id, path: this.path, blobs: this.#blobs, script, isLast });
  }

  async #write(part: DraftPart): Promise<void> {
    try {
      this.#contents = await this.#drafts.write(part, this.isHere);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#underWay--;
    this.#drafts.giveBack(part.script.slabs);
    if (this.#underWay === 0) this.#whenIdle?.();
  }

  async #idle(): Promise<void> {
    while (this.#underWay > 0) await new Promise<void>(resolve => (this.#whenIdle = resolve));
  }
}
