import type { SourcePosition } from '../base/index.ts';
import { SourceLines } from '../syntax/index.ts';

/** Where a text came from. */
export type Origin =
  | { readonly kind: 'file'; readonly path: string }
  /** Text that has no file: what messages call it (`«string»`, `«stdin»`). */
  | { readonly kind: 'text'; readonly name: string };

interface Source {
  readonly origin: Origin;
  readonly text: Uint8Array;
  /** Position of its first byte. */
  readonly base: number;
  /** Found when first asked for. */
  lines: SourceLines | undefined;
}

/** All texts that were parsed, one after the other: from a position to file, line and column. */
export class Positions {
  readonly #sources: Source[] = [];
  /** 0 is nowhere. */
  #next = 1;
  readonly #showPath: (path: string) => string;

  /** `showPath` says what messages call a file. */
  constructor(showPath: (path: string) => string) {
    this.#showPath = showPath;
  }

  /** Takes a text in; returns the position of its first byte. The byte after its last has a position, too. */
  add(origin: Origin, text: Uint8Array): number {
    const base = this.#next;
    this.#sources.push({ origin, text, base, lines: undefined });
    this.#next = base + text.byteLength + 1;
    return base;
  }

  origin(position: number): Origin | undefined {
    return this.#find(position)?.origin;
  }

  /** As messages show it; undefined for 0. */
  resolve(position: number): SourcePosition | undefined {
    const source = this.#find(position);
    if (source === undefined) return undefined;
    const { origin, base, text } = source;
    const lines = (source.lines ??= new SourceLines(text));
    return lines.locate(position - base, origin.kind === 'file' ? this.#showPath(origin.path) : origin.name);
  }

  /** The text from one position of a source to another. */
  slice(start: number, end: number): string {
    const source = this.#find(start);
    return source === undefined
      ? ''
      : Buffer.from(source.text.subarray(start - source.base, end - source.base)).toString();
  }

  /** The whole text that a position is in, and how many bytes of it precede the position. */
  textAround(position: number): { readonly text: Uint8Array; readonly offset: number } | undefined {
    const source = this.#find(position);
    return source === undefined ? undefined : { text: source.text, offset: position - source.base };
  }

  /** `FILE:LINE:COLUMN`; nothing for 0. */
  format(position: number): string {
    const place = this.resolve(position);
    return place === undefined ? '' : `${place.file}:${place.line}:${place.column}`;
  }

  #find(position: number): Source | undefined {
    if (position === 0) return undefined;
    let low = 0;
    let high = this.#sources.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#sources[middle]?.base ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return this.#sources[low];
  }
}
