/** Memory that is given out in parts, and used again when all its parts have been given back. */
interface Slab {
  readonly memory: Uint8Array<SharedArrayBuffer>;
  /** Bytes from the beginning that were given out. */
  used: number;
  /** Parts that were not given back. */
  parts: number;
}

const slabSize = 1024 * 1024;

/** Slabs that are kept for later while nobody uses them. */
const spareLimit = 16;

/** Contents of one file. */
export interface Content {
  readonly bytes: Uint8Array;
  /** Gives the memory back; to be called once. */
  readonly release: () => void;
}

/**
 * Memory for contents of small files on their way. An array for each would be a sixth of an import's time, most of it in
 * the garbage collector. It is shared memory, so that a store's threads need no copy of it.
 */
export class ContentMemory {
  #current: Slab | undefined;
  readonly #spare: Slab[] = [];

  /** Memory for `size` bytes, at most 1 MiB. */
  take(size: number): Content {
    const slab = this.#withRoom(size);
    const bytes = slab.memory.subarray(slab.used, slab.used + size);
    slab.used += size;
    slab.parts++;
    return { bytes, release: () => this.#release(slab) };
  }

  #withRoom(size: number): Slab {
    const current = this.#current;
    if (current !== undefined && slabSize - current.used >= size) return current;
    const next = this.#spare.pop() ?? {
      memory: new Uint8Array(new SharedArrayBuffer(slabSize)),
      used: 0,
      parts: 0,
    };
    this.#current = next;
    if (current?.parts === 0) this.#keep(current);
    return next;
  }

  #release(slab: Slab): void {
    slab.parts--;
    if (slab.parts > 0) return;
    if (slab === this.#current) slab.used = 0;
    else this.#keep(slab);
  }

  #keep(slab: Slab): void {
    slab.used = 0;
    if (this.#spare.length < spareLimit) this.#spare.push(slab);
  }
}
