const blockSize = 256 * 1024;

/** Blocks kept for reuse, so that a steady stream allocates nothing. */
const spareLimit = 4;

/**
 * A source for `putStream` whose bytes are pushed. They are copied into blocks, so that many tiny chunks cost no more
 * than a few large ones. There is one reader; a block is lent to it until it asks for the next. `onTaken` hears how
 * many of the pushed bytes are kept no longer.
 */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  readonly #onTaken: (bytes: number) => void;
  /** All full, save that which is #last. */
  readonly #blocks = new Set<Block>();
  #last: Block | undefined;
  readonly #spare: Uint8Array[] = [];
  #state: 'open' | 'ended' | 'failed' | 'closed' = 'open';
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken;
  }

  push(chunk: Uint8Array): void {
    if (this.#state !== 'open') return this.#onTaken(chunk.byteLength);
    for (let at = 0; at < chunk.byteLength;) {
      const block = this.#last ?? this.#newBlock();
      const count = Math.min(chunk.byteLength - at, blockSize - block.used);
      block.memory.set(chunk.subarray(at, at + count), block.used);
      block.used += count;
      at += count;
      if (block.used === blockSize) this.#last = undefined;
    }
    this.#wake?.();
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wake?.();
  }

  /** Makes the reader throw `error`. */
  fail(error: unknown): void {
    if (this.#state !== 'closed') this.#state = 'failed';
    this.#error = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        if (this.#state === 'failed') throw this.#error;
        const [block] = this.#blocks;
        if (block !== undefined) {
          // Not filled any further: it is lent now.
          if (block === this.#last) this.#last = undefined;
          yield block.memory.subarray(0, block.used);
          this.#release(block);
        } else if (this.#state === 'ended') return;
        else await new Promise<void>(resolve => (this.#wake = resolve));
      }
    } finally {
      this.#state = 'closed';
      for (const block of this.#blocks) this.#release(block);
    }
  }

  #newBlock(): Block {
    const block = { memory: this.#spare.pop() ?? new Uint8Array(blockSize), used: 0 };
    this.#blocks.add(block);
    this.#last = block;
    return block;
  }

  #release(block: Block): void {
    this.#blocks.delete(block);
    if (this.#spare.length < spareLimit) this.#spare.push(block.memory);
    this.#onTaken(block.used);
  }
}

interface Block {
  readonly memory: Uint8Array;
  used: number;
}
