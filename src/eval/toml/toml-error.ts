import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import type { TomlPlace } from './toml-value.ts';

interface Mark {
  readonly place: TomlPlace;
  readonly note: string;
}

/** What is wrong with a TOML text, in the words and with the picture of the library that C++ Nix uses. */
export class TomlError extends Error {
  override readonly name = 'TomlError';
}

export function tomlError(
  text: ByteString,
  title: string,
  marks: readonly Mark[],
  hints: readonly string[] = [],
): TomlError {
  const located = marks.map(({ place, note }) => ({ note, ...locate(text, place) }));
  const width = Math.max(...located.map(({ line }) => String(line).length));
  const margin = ` ${' '.repeat(width)} |`;
  const pictures = located.map(({ line, source, column, length, note }) => {
    const number = String(line).padStart(width);
    return ` ${number} | ${source}\n${margin} ${' '.repeat(column)}${'^'.repeat(length)}-- ${note}\n`;
  });
  const picture = pictures.join(`${margin} ...\n${margin}\n`);
  const shown = hints.map(hint => `Hint: ${hint}\n`).join('');
  return new TomlError(`[error] ${title}\n${' '.repeat(width)}--> fromTOML\n${margin}\n${picture}${shown}`);
}

/** Line from 1, column from 0, and how much of the place is on that line: at least one byte. */
function locate(text: ByteString, { start, end }: TomlPlace) {
  const before = text.slice(0, start);
  const lineStart = before.lastIndexOf('\n') + 1;
  const lineEnd = text.indexOf('\n', start);
  const source = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd);
  return {
    line: before.split('\n').length,
    source: displayBytes(brandAs<ByteString>(source)),
    column: start - lineStart,
    length: Math.max(1, Math.min(end, lineStart + source.length) - start),
  };
}
