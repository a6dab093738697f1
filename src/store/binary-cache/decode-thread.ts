import { availableParallelism } from 'node:os';
import { Duplex } from 'node:stream';
import type { Worker } from 'node:worker_threads';
import { Semaphore, startThread } from '../../base/index.ts';
import { type Codec, transformCodec } from './codec.ts';
import type { DecodeOrder, DecodeReport } from './decode-thread-entry.ts';

/** Outputs that a thread may be ahead of whoever takes them. */
const maxAhead = 4;

/** Chunks of input that a thread may have waiting. */
const maxUntaken = 2;

const highWaterMark = 256 * 1024;

/** One stream for each processor is decompressed at a time. */
let turns: Semaphore | undefined;

/** Threads that have nothing to do, which do not keep the process alive. */
const idle: Worker[] = [];

/**
 * Decompresses xz on a thread of its own and without any program: to start a program for each of many small files takes
 * far longer than to decompress them.
 */
export function threadDecoder(): Codec {
  return transformCodec(new ThreadDecoder().stream);
}

/**
 * Decompresses a whole file of xz into memory that `output` gives when it is its turn, which is shared with the thread;
 * the beginning of it that is used. Undefined as of `decompressXz`.
 */
export async function decompressOnThread(input: Uint8Array, output: () => Uint8Array): Promise<Uint8Array | undefined> {
  using _turn = await takeTurn();
  const worker = takeThread();
  const memory = output();
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const hear = (report: DecodeReport): void => {
    if (report.kind === 'whole') resolve(report.size);
  };
  const fail = (cause: unknown): void => reject(new Error('the thread that decompresses has ended', { cause }));
  worker.on('message', hear).on('error', fail).on('exit', fail).ref();
  worker.postMessage({ kind: 'whole', input, output: memory } satisfies DecodeOrder, []);
  const size = await promise;
  leaveThread(worker.off('message', hear).off('error', fail).off('exit', fail));
  return size === undefined ? undefined : memory.subarray(0, size);
}

function takeTurn(signal?: AbortSignal): Promise<Disposable> {
  return (turns ??= new Semaphore(availableParallelism())).acquire(signal);
}

function takeThread(): Worker {
  return idle.pop() ?? startThread(import.meta.filename, 'decode-thread-entry', { name: 'decompress' });
}

function leaveThread(worker: Worker): void {
  worker.unref();
  idle.push(worker);
}

class ThreadDecoder {
  /** Not what this class extends: node:stream, which takes 8 ms, would be loaded with this module. */
  readonly stream: Duplex;
  readonly #stop = new AbortController();
  #turn: Disposable | undefined;
  /** Undefined until it is this stream's turn, and from when all is decompressed on. */
  #worker: Worker | undefined;
  #untaken = 0;
  #whenTaken: (() => void) | undefined;
  /** Outputs that may be sent once what was sent is taken. */
  #withheld = 0;

  constructor() {
    this.stream = new Duplex({
      writableHighWaterMark: highWaterMark,
      readableHighWaterMark: highWaterMark,
      construct: callback => void this.#begin(callback),
      write: (chunk: Buffer, _encoding, callback) => this.#write(chunk, callback),
      final: callback => {
        this.#order({ kind: 'end' });
        callback();
      },
      read: () => {
        for (; this.#withheld > 0; this.#withheld--) this.#order({ kind: 'more' });
      },
      destroy: (error, callback) => this.#end(error, callback),
    });
  }

  async #begin(callback: (error?: Error | null) => void): Promise<void> {
    try {
      this.#turn = await takeTurn(this.#stop.signal);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const worker = takeThread();
    worker.on('message', this.#hear).on('error', this.#fail).on('exit', this.#fail);
    worker.ref();
    this.#worker = worker;
    this.#order({ kind: 'start' });
    for (let at = 0; at < maxAhead; at++) this.#order({ kind: 'more' });
    callback();
  }

  readonly #hear = (report: DecodeReport): void => {
    switch (report.kind) {
      case 'taken':
        this.#untaken--;
        this.#goOn();
        break;
      case 'output':
        if (this.stream.push(report.bytes)) this.#order({ kind: 'more' });
        else this.#withheld++;
        break;
      case 'done':
        this.#release();
        this.stream.push(null);
        break;
      case 'failed':
        this.#release();
        this.stream.destroy(new Error(`failed to read compressed data (${report.message})`));
        break;
      case 'whole':
        break;
    }
  };

  readonly #fail = (cause: unknown): void => {
    this.stream.destroy(new Error('the thread that decompresses has ended', { cause }));
  };

  #write(chunk: Buffer, callback: () => void): void {
    // What follows the end of the compressed stream is passed over.
    if (this.#worker === undefined) return callback();
    const bytes = new Uint8Array(chunk);
    this.#untaken++;
    this.#worker.postMessage({ kind: 'data', bytes } satisfies DecodeOrder, [bytes.buffer]);
    if (this.#untaken <= maxUntaken) callback();
    else this.#whenTaken = callback;
  }

  #end(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#stop.abort(error ?? new Error('the stream was destroyed'));
    // In the middle of a stream, whose memory goes with the thread.
    if (this.#worker !== undefined) void this.#detach(this.#worker).terminate();
    this.#turn?.[Symbol.dispose]();
    callback(error);
  }

  #order(order: DecodeOrder): void {
    this.#worker?.postMessage(order, []);
  }

  #goOn(): void {
    const callback = this.#whenTaken;
    this.#whenTaken = undefined;
    callback?.();
  }

  /** Leaves the thread to the next stream. */
  #release(): void {
    if (this.#worker !== undefined) leaveThread(this.#detach(this.#worker));
    this.#turn?.[Symbol.dispose]();
    this.#goOn();
  }

  #detach(worker: Worker): Worker {
    this.#worker = undefined;
    return worker.off('message', this.#hear).off('error', this.#fail).off('exit', this.#fail);
  }
}
