import { dirname } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../../base/index.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import type { DraftContents, DraftPart, DraftPlacing } from './draft-table.ts';
import type { FileOrder } from './file-thread-entry.ts';
import type { FileToMake } from './make-file.ts';

/** An error on its way from the thread. */
export interface FileFailure {
  readonly message: string;
  /** Of a `CastoreError`. */
  readonly castoreCode: CastoreErrorCode | undefined;
  /** Those of a system error: `code`, `errno`, `syscall`, `path`. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/** What became of the files of an order, each in its place; of a sync, in the first. */
export type FileOutcomes = readonly FileOutcome[];

export type FileOutcome = FileFailure | 'unsupported' | undefined;

export interface FileReply {
  readonly outcomes: FileOutcomes;
  /** After the last part of a draft. */
  readonly contents?: DraftContents | undefined;
}

/** A message costs the same for one file as for many. */
const messageSize = 512 * 1024;

/**
 * Beyond this many bytes they are sent to the disk, which would have nothing to do until the batch is committed: a
 * commit of 580 MB takes 0.2 s instead of 0.6 s.
 */
const syncEvery = 32 * 1024 * 1024;

interface Waiting {
  readonly file: FileToMake;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Makes files on a thread of its own, in their order, while this one does something else: hashing them, say. The pool of
 * Node's own threads takes a task for opening and one for writing, which costs this thread more than making the file
 * would (10,000 files of 58 KB: 1.5 s of processor time; with this thread 0.9 s, of which 0.6 s are the other's).
 *
 * A second thread starts the writing to the disk, for which the first would have to wait. They start when there is
 * something for them to do and do not keep the process alive.
 */
export class FileThread implements AsyncDisposable {
  readonly #maker = new OrderThread('make files');
  readonly #syncer = new OrderThread('sync files');
  /** Asked for, not yet sent. */
  #group: Waiting[] = [];
  #groupBytes = 0;
  /** Bytes made since the last sync was begun. */
  #unsynced = 0;
  #syncing = false;
  #disposed = false;

  /** The bytes are lent until the promise has settled. They cost a copy unless their memory is shared. */
  make(file: FileToMake): Promise<void> {
    if (this.#disposed) return Promise.reject(ended());
    return new Promise((resolve, reject) => {
      if (this.#group.length === 0) setImmediate(() => void this.#send());
      this.#group.push({ file, resolve, reject });
      this.#groupBytes += file.bytes.byteLength;
      if (this.#groupBytes >= messageSize) void this.#send();
    });
  }

  async #send(): Promise<void> {
    const group = this.#group;
    const size = this.#groupBytes;
    this.#group = [];
    this.#groupBytes = 0;
    if (group.length === 0) return;
    const files = group.map(({ file: { path, mode, bytes } }): FileToMake => ({ path, mode, bytes: shared(bytes) }));
    try {
      const { outcomes } = await this.#maker.order({ kind: 'make', files });
      for (const [i, { resolve, reject }] of group.entries()) {
        const failure = failureOf(outcomes[i]);
        if (failure === undefined) resolve();
        else reject(failure);
      }
    } catch (cause) {
      for (const { reject } of group) reject(new Error('the thread that makes files has failed', { cause }));
      return;
    }
    const [first] = files;
    if (first !== undefined) this.#countMade(size, first.path);
  }

  /** Whether it would not have to be started for what comes next. */
  get isRunning(): boolean {
    return this.#maker.isRunning;
  }

  /** Writes a part of a draft; its slabs are lent until the promise has settled. The contents after the last part. */
  async writeDraft(part: DraftPart): Promise<DraftContents | undefined> {
    const { outcomes, contents } = await this.#maker.order({ kind: 'draft', part });
    const failure = failureOf(outcomes[0]);
    if (failure !== undefined) throw failure;
    const size = part.script.slabs.reduce((sum, slab) => sum + slab.byteLength, 0);
    this.#countMade(size, dirname(part.path));
    return contents;
  }

  /** What has gone wrong with each. */
  async placeDrafts(placings: readonly DraftPlacing[]): Promise<(Error | undefined)[]> {
    const { outcomes } = await this.#maker.order({ kind: 'place', placings });
    return outcomes.map(failureOf);
  }

  async discardDraft(id: number, path: string): Promise<void> {
    const { outcomes } = await this.#maker.order({ kind: 'discard', id, path });
    const failure = failureOf(outcomes[0]);
    if (failure !== undefined) throw failure;
  }

  /** `path` is on the file system of what was made. */
  #countMade(size: number, path: string): void {
    this.#unsynced += size;
    if (this.#unsynced >= syncEvery) void this.#startWriting(path);
  }

  /**
   * Writes everything of the file system that holds `fd` to its disk; false where the system lacks the call. The
   * descriptor stays open until the promise has settled.
   */
  async sync(fd: number): Promise<boolean> {
    const { outcomes } = await this.#syncer.order({ kind: 'sync', fd });
    const failure = failureOf(outcomes[0]);
    if (failure !== undefined) throw failure;
    return outcomes[0] !== 'unsupported';
  }

  async #startWriting(path: string): Promise<void> {
    if (this.#syncing || this.#disposed) return;
    this.#syncing = true;
    this.#unsynced = 0;
    try {
      await this.#syncer.order({ kind: 'write back', path });
    } catch {
      // The commit syncs everything, and hears what this one could not write.
    }
    this.#syncing = false;
  }

  /** Ends the threads. Whoever still waits for a file gets an error. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const { reject } of this.#group.splice(0)) reject(ended());
    await Promise.all([this.#maker[Symbol.asyncDispose](), this.#syncer[Symbol.asyncDispose]()]);
  }
}

interface Reply {
  readonly resolve: (reply: FileReply) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A thread that does what it is told in its order. It starts with the first order. A message wakes the other side, which
 * costs more than making a small file: what is ordered while the thread has something to do goes in one.
 */
class OrderThread implements AsyncDisposable {
  readonly #task: string;
  #worker: Worker | undefined;
  /** To be sent once this thread has nothing else to do. */
  #unsent: FileOrder[] = [];
  /** In the order of what was asked for. */
  readonly #replies = new Set<Reply>();
  #failure: { readonly error: unknown } | undefined;

  constructor(task: string) {
    this.#task = task;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  order(order: FileOrder): Promise<FileReply> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure.error);
      const worker = (this.#worker ??= this.#start());
      // Whoever waits for a file keeps the process alive, and nobody else.
      worker.ref();
      this.#unsent.push(order);
      if (this.#replies.size === 0) this.#send();
      else if (this.#unsent.length === 1) setImmediate(() => this.#send());
      this.#replies.add({ resolve, reject });
    });
  }

  #send(): void {
    const orders = this.#unsent;
    this.#unsent = [];
    if (orders.length > 0 && this.#failure === undefined) this.#worker?.postMessage(orders, []);
  }

  #start(): Worker {
    const worker = startThread(import.meta.filename, 'file-thread-entry', { name: this.#task });
    worker.on('message', (replies: readonly FileReply[]) => {
      for (const reply of replies) this.#settle(reply);
    });
    worker.on('error', error => this.#fail(error));
    worker.on('exit', () => this.#fail(ended()));
    return worker;
  }

  #settle(reply: FileReply): void {
    const [asked] = this.#replies;
    if (asked === undefined) return;
    this.#replies.delete(asked);
    if (this.#replies.size === 0) this.#worker?.unref();
    asked.resolve(reply);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { reject } of this.#replies) reject(this.#failure.error);
    this.#replies.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(ended());
    await this.#worker?.terminate();
  }
}

function failureOf(outcome: FileOutcome): Error | undefined {
  if (outcome === undefined || outcome === 'unsupported') return undefined;
  const { message, castoreCode, properties } = outcome;
  if (castoreCode !== undefined) return new CastoreError(castoreCode, message);
  return Object.assign(new Error(message), properties);
}

function ended(): Error {
  return new Error('the thread that makes files has ended');
}

function shared(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
}
