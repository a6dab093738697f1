import { setImmediate as afterOthers } from 'node:timers/promises';

/** Memory of a pipe, as it is sent to threads. */
export interface PipeMemory {
  /** `control`, then what each slab holds in bytes. */
  readonly state: SharedArrayBuffer;
  readonly slabs: SharedArrayBuffer;
}

const slabSize = 256 * 1024;
const slabCount = 16;

/** Words of the state: slabs filled and emptied since the beginning, and whether no more is filled or emptied. */
const filled = 0;
const emptied = 1;
const writerEnded = 2;
const readerEnded = 3;
const sizesAt = 4;

export function makePipeMemory(): PipeMemory {
  return {
    state: new SharedArrayBuffer(4 * (sizesAt + slabCount)),
    slabs: new SharedArrayBuffer(slabSize * slabCount),
  };
}

/** The end of a pipe that bytes go into, for a thread that may block. */
export class PipeWriter {
  readonly #state: Int32Array;
  readonly #slabs: Uint8Array;
  #at = 0;
  #used = 0;

  constructor({ state, slabs }: PipeMemory) {
    this.#state = new Int32Array(state);
    this.#slabs = new Uint8Array(slabs);
  }

  /** Blocks while the pipe is full. What nobody reads any more is dropped. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#used === 0) this.#awaitRoom();
      const part = bytes.subarray(at, at + slabSize - this.#used);
      this.#slabs.set(part, (this.#at % slabCount) * slabSize + this.#used);
      this.#used += part.byteLength;
      at += part.byteLength;
      if (this.#used === slabSize) this.#hand();
    }
  }

  #awaitRoom(): void {
    for (;;) {
      const count = Atomics.load(this.#state, emptied);
      if (this.#at - count < slabCount || Atomics.load(this.#state, readerEnded) !== 0) return;
      Atomics.wait(this.#state, emptied, count, patience);
    }
  }

  #hand(): void {
    if (this.#used === 0) return;
    this.#state[sizesAt + (this.#at % slabCount)] = this.#used;
    this.#used = 0;
    this.#at++;
    Atomics.add(this.#state, filled, 1);
    Atomics.notify(this.#state, filled);
  }

  /** To be called whatever happened. */
  end(): void {
    this.#hand();
    Atomics.store(this.#state, writerEnded, 1);
    Atomics.notify(this.#state, filled);
  }
}

/** Calls `take` with all that is written to the pipe, lent, until that ends. Others may do something now and then. */
export async function readPipe(
  { state, slabs }: PipeMemory,
  take: (bytes: Uint8Array) => void,
  signal?: AbortSignal,
): Promise<void> {
  const words = new Int32Array(state);
  try {
    for (let at = 0; ;) {
      signal?.throwIfAborted();
      const end = Math.min(Atomics.load(words, filled), at + slabCount);
      for (; at < end; at++) {
        const slab = at % slabCount;
        take(new Uint8Array(slabs, slab * slabSize, words[sizesAt + slab] ?? 0));
        Atomics.add(words, emptied, 1);
        Atomics.notify(words, emptied);
      }
      await afterOthers();
      if (Atomics.load(words, filled) > at) continue;
      // In this order: the last slab comes before the end.
      if (Atomics.load(words, writerEnded) !== 0 && Atomics.load(words, filled) === at) return;
      const { async, value } = Atomics.waitAsync(words, filled, at, patience);
      if (async) await value;
    }
  } finally {
    Atomics.store(words, readerEnded, 1);
    Atomics.notify(words, emptied);
  }
}

/** How long a wait lasts at most, in milliseconds: the other side may end between a look and the wait for a change. */
const patience = 50;
