import type { WireReader } from '../nix-compat/index.ts';

/** The next so many bytes of a stream, which are read or drained to their end before it goes on. */
export class SizedReader {
  readonly #reader: WireReader;
  #left: number;

  constructor(reader: WireReader, size: number) {
    this.#reader = reader;
    this.#left = size;
  }

  /** Undefined at the end. Lent until the next read. Throws `wire/truncated`. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    const chunk = await this.#reader.chunk(this.#left);
    this.#left -= chunk.length;
    return chunk;
  }

  async drain(): Promise<void> {
    while ((await this.chunk()) !== undefined);
  }
}
