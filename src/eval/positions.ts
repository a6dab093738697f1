import type { SourcePosition } from './eval-error.ts';

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
  /** Offsets of the first bytes of its lines; found when first asked for. */
  lineStarts: readonly number[] | undefined;
}

/** All texts that were parsed, one after the other: from a position to file, line and column. */
export class Positions {
  readonly #sources: Source[] = [];
  /** 0 is nowhere. */
  #next = 1;

  /** Takes a text in; returns the position of its first byte. The byte after its last has a position, too. */
  add(origin: Origin, text: Uint8Array): number {
    const base = this.#next;
    this.#sources.push({ origin, text, base, lineStarts: undefined });
    this.#next = base + text.byteLength + 1;
    return base;
  }

  origin(position: number): Origin | undefined {
    return this.#find(position)?.origin;
  }

  /** Undefined for 0. */
  resolve(position: number): SourcePosition | undefined {
    const source = this.#find(position);
    if (source === undefined) return undefined;
    const starts = (source.lineStarts ??= lineStarts(source.text));
    const offset = position - source.base;
    const line = lastAtMost(starts, offset);
    const lineAt = (index: number) => (index < 0 || index >= starts.length ? undefined : readLine(source, index));
    return {
      file: source.origin.kind === 'file' ? source.origin.path : source.origin.name,
      line: line + 1,
      column: offset - (starts[line] ?? 0) + 1,
      lines: [lineAt(line - 1), lineAt(line) ?? '', lineAt(line + 1)],
    };
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

/** A line ends with LF, CR LF or a CR alone. */
function lineStarts(text: Uint8Array): number[] {
  const starts = [0];
  for (let i = 0; i < text.byteLength; i++) {
    const byte = text[i];
    if (byte === 0x0a || (byte === 0x0d && text[i + 1] !== 0x0a)) starts.push(i + 1);
  }
  return starts;
}

function readLine({ text, lineStarts: starts }: Source, index: number): string {
  const start = starts?.[index] ?? 0;
  const end = starts?.[index + 1] ?? text.byteLength;
  return Buffer.from(text.buffer, text.byteOffset + start, end - start)
    .toString()
    .replace(/[\r\n]+$/, '');
}

/** Index of the last of ascending `values` that is at most `value`. */
function lastAtMost(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((values[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
