import { asBuffer } from '../../base/index.ts';

/** Bytes that a field of `length` bytes takes on the wire: a NAR pads everything with zeros to a multiple of 8. */
export function paddedLength(length: number): number {
  return length + padding(length);
}

/** Zero bytes that follow a field of `length` bytes. */
export function padding(length: number): number {
  return -length & 7;
}

/**
 * Tags that always follow one another, with their encoding made once: between two pieces of information a NAR has no
 * choice, so reader and writer handle the fixed part as one block.
 */
export class Phrase {
  readonly tags: readonly string[];
  readonly bytes: Uint8Array;
  /** `bytes` as little-endian words of 32 bits. */
  readonly words: readonly number[];

  constructor(...tags: readonly string[]) {
    this.tags = tags;
    this.bytes = Buffer.concat(tags.map(encodeTag));
    const buffer = asBuffer(this.bytes);
    this.words = Array.from({ length: buffer.length / 4 }, (_, word) => buffer.readUInt32LE(word * 4));
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Whether `view` holds the whole encoding at `at`. The caller checks that `view` is long enough. */
  matches(view: DataView, at: number): boolean {
    const words = this.words;
    for (let word = 0; word < words.length; word++)
      if (view.getUint32(at + word * 4, true) !== words[word]) return false;
    return true;
  }
}

function encodeTag(tag: string): Uint8Array {
  const bytes = Buffer.alloc(8 + paddedLength(tag.length));
  bytes.writeUInt32LE(tag.length, 0);
  bytes.write(tag, 8, 'latin1');
  return bytes;
}
