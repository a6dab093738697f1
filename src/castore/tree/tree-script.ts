import { type ByteString, type TreeSink, brandAs } from '../../base/index.ts';

/**
 * Events of a tree, to be played later or on another thread. `steps` are codes, each followed by its operands, and
 * contents are ranges of `slabs`: numbers and short strings are what a message carries for the least.
 */
export interface TreeScript {
  readonly steps: readonly (number | string)[];
  readonly slabs: readonly Uint8Array[];
}

const startDirectory = 0;
/** The name. */
const entry = 1;
const endDirectory = 2;
/** 1 for an executable, and the size. */
const startFile = 3;
/** The slab, where in it the bytes are, and how many. */
const fileData = 4;
const endFile = 5;
/** The target. */
const symlink = 6;

/** Plays `script` to `sink`, which is lent the contents. */
export function playScript({ steps, slabs }: TreeScript, sink: TreeSink): void {
  let at = 0;
  const number = (): number => {
    const operand = steps[at++];
    if (typeof operand !== 'number') throw new TypeError('the script of a tree has no number there');
    return operand;
  };
  const text = (): ByteString => {
    const operand = steps[at++];
    if (typeof operand !== 'string') throw new TypeError('the script of a tree has no text there');
    return brandAs<ByteString>(operand);
  };
  while (at < steps.length) {
    const step = number();
    switch (step) {
      case startDirectory:
        sink.startDirectory();
        break;
      case entry:
        sink.entry(text());
        break;
      case endDirectory:
        sink.endDirectory();
        break;
      case startFile: {
        const executable = number() === 1;
        sink.startFile(executable, number());
        break;
      }
      case fileData: {
        const slab = slabs[number()];
        const start = number();
        const size = number();
        if (slab === undefined) throw new TypeError('the script of a tree lacks a slab');
        sink.fileData(slab.subarray(start, start + size));
        break;
      }
      case endFile:
        sink.endFile();
        break;
      case symlink:
        sink.symlink(text());
        break;
      default:
        throw new TypeError(`the script of a tree has a step ${step}`);
    }
  }
}

/** Memory for contents, given back when a script has been played. */
export interface SlabPool {
  take(): Uint8Array;
}

/** Records the events of a tree, copying contents into slabs. What was recorded is taken now and then, and played in that order. */
export class ScriptWriter implements TreeSink {
  readonly #pool: SlabPool;
  #steps: (number | string)[] = [];
  #slabs: Uint8Array[] = [];
  /** Bytes of the last slab that are used. */
  #used = 0;
  #files = 0;
  /** Steps there were after contents that what comes next may be joined to. */
  #joinable = -1;

  constructor(pool: SlabPool) {
    this.#pool = pool;
  }

  /** Of contents, in bytes, whole slabs counted. */
  get slabCount(): number {
    return this.#slabs.length;
  }

  get stepCount(): number {
    return this.#steps.length;
  }

  /** Files that were begun and not taken yet. */
  get fileCount(): number {
    return this.#files;
  }

  /** What was recorded since the last time. Its slabs are the taker's to give back. */
  take(): TreeScript {
    const script = { steps: this.#steps, slabs: this.#slabs };
    this.#steps = [];
    this.#slabs = [];
    this.#used = 0;
    this.#files = 0;
    this.#joinable = -1;
    return script;
  }

  startDirectory(): void {
    this.#steps.push(startDirectory);
  }

  entry(name: ByteString): void {
    this.#steps.push(entry, name);
  }

  endDirectory(): void {
    this.#steps.push(endDirectory);
  }

  startFile(executable: boolean, size: number): void {
    this.#files++;
    this.#steps.push(startFile, executable ? 1 : 0, size);
  }

  fileData(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength;) {
      const slab = this.#slabWithRoom();
      const count = Math.min(chunk.byteLength - at, slab.byteLength - this.#used);
      const inPlace = chunk.buffer === slab.buffer && chunk.byteOffset + at === slab.byteOffset + this.#used;
      if (!inPlace)
        slab.set(at === 0 && count === chunk.byteLength ? chunk : chunk.subarray(at, at + count), this.#used);
      // What is in one piece is hashed and written by one call.
      const last = this.#steps.length - 1;
      const isJoined = this.#joinable === last && this.#used > 0;
      if (isJoined) this.#steps[last] = Number(this.#steps[last]) + count;
      else this.#joinable = this.#steps.push(fileData, this.#slabs.length - 1, this.#used, count) - 1;
      this.#used += count;
      at += count;
    }
  }

  /** As of `TreeReceiver`. */
  roomForData(size: number): Uint8Array {
    const slab = this.#slabWithRoom();
    return slab.subarray(this.#used, this.#used + size);
  }

  endFile(): void {
    this.#steps.push(endFile);
  }

  symlink(target: ByteString): void {
    this.#steps.push(symlink, target);
  }

  #slabWithRoom(): Uint8Array {
    const last = this.#slabs.at(-1);
    if (last !== undefined && this.#used < last.byteLength) return last;
    const slab = this.#pool.take();
    this.#slabs.push(slab);
    this.#used = 0;
    return slab;
  }
}
