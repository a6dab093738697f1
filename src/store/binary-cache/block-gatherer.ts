import type { Writable } from 'node:stream';
import { endedCodec } from './codec.ts';

/** In bytes: a hand-over to a codec costs what compressing some 10 KiB does, and more memory goes through no cache. */
const blockSize = 512 * 1024;

/** Blocks that a codec has before it is waited for: the next is filled while it works on one. */
const maxAhead = 3;

/**
 * Feeds a codec with pieces, gathered into blocks. Their memory is used again, since fresh memory costs as much as
 * filling it.
 */
export class BlockGatherer {
  readonly #input: Writable;
  readonly #free: Buffer[] = [];
  #block: Buffer | undefined;
  #used = 0;
  /** Blocks that the codec has not done with. */
  #ahead = 0;
  #whenFree: (() => void) | undefined;

  constructor(input: Writable) {
    this.#input = input;
  }

  /** Throws `endedCodec` where the codec is gone. */
  add(piece: Uint8Array): void {
    for (let at = 0; at < piece.byteLength;) {
      const block = (this.#block ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(blockSize));
      const part = piece.subarray(at, at + block.length - this.#used);
      block.set(part, this.#used);
      this.#used += part.byteLength;
      at += part.byteLength;
      if (this.#used === block.length) this.#flush();
    }
  }

  /** Waits until the codec has few enough blocks; also when it is gone. */
  drain(): Promise<void> {
    return this.#untilAhead(maxAhead);
  }

  /**
   * Hands over the rest and waits for the codec. Only then it may be told that this was all: node:zlib, told while it
   * has something to do, ends a frame of zstd with that, and adds an empty one. Throws as `add`.
   */
  async finish(): Promise<void> {
    this.#flush();
    await this.#untilAhead(0);
  }

  #flush(): void {
    const block = this.#block;
    if (block === undefined) return;
    if (this.#input.destroyed) throw endedCodec();
    this.#block = undefined;
    this.#ahead++;
    this.#input.write(block.subarray(0, this.#used), () => {
      this.#ahead--;
      this.#free.push(block);
      this.#whenFree?.();
    });
    this.#used = 0;
  }

  async #untilAhead(count: number): Promise<void> {
    while (this.#ahead > count && !this.#input.destroyed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenFree = resolve;
      this.#input.on('close', resolve);
      await promise;
      this.#input.off('close', resolve);
    }
    this.#whenFree = undefined;
  }
}
