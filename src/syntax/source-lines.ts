import { type SourcePosition, asBuffer, decodeForDisplay } from '../base/index.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** The lines of a text: each ends with LF, CR LF or a CR alone. */
export class SourceLines {
  readonly #text: Buffer;
  readonly #starts: readonly number[];

  constructor(text: Uint8Array) {
    this.#text = asBuffer(text);
    this.#starts = findStarts(text);
  }

  /** The place that many bytes from the beginning of the text, which is `file`. */
  locate(offset: number, file: string): SourcePosition {
    const index = this.#lineOf(offset);
    const linesAround = (): SourcePosition['lines'] => [
      this.#lineAt(index - 1),
      this.#lineAt(index) ?? '',
      this.#lineAt(index + 1),
    ];
    return {
      file,
      line: index + 1,
      column: offset - (this.#starts[index] ?? 0) + 1,
      // A line may be as long as the text, and most places are not shown.
      get lines() {
        return linesAround();
      },
    };
  }

  /** The text between two offsets, with LF between its lines. */
  slice(start: number, end: number): string {
    return this.#text.subarray(start, end).toString().replaceAll(/\r\n?/g, '\n');
  }

  #lineOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #lineAt(index: number): string | undefined {
    const start = this.#starts[index];
    if (start === undefined) return undefined;
    return decodeForDisplay(this.#text.subarray(start, this.#starts[index + 1])).replace(/\r\n?$|\n$/, '');
  }
}

function findStarts(text: Uint8Array): number[] {
  const starts = [0];
  for (let i = 0; i < text.byteLength; i++) {
    const byte = text[i];
    if (byte === lineFeed || (byte === carriageReturn && text[i + 1] !== lineFeed)) starts.push(i + 1);
  }
  return starts;
}
