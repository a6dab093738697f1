import type { SourcePosition } from '../../base/index.ts';
import { blue, magenta, normal, red } from './ansi.ts';

/** A place in a source, and the lines around it with an arrow. */
export function formatPosition(position: SourcePosition): string {
  const { file, line, column } = position;
  return [`${blue}at ${magenta}${file}:${line}:${column}${normal}:`, ...codeLines(position)].join('\n');
}

/** The lines around a place with an arrow; none where they are not known. */
export function codeLines({ line, column, lines }: SourcePosition): string[] {
  if (lines === undefined) return [];
  const [before, current, after] = lines;
  const rows: string[] = [];
  if (before !== undefined) rows.push(numbered(line - 1, before));
  rows.push(numbered(line, current), `      |${' '.repeat(column)}${red}^${normal}`);
  if (after !== undefined) rows.push(numbered(line + 1, after));
  return rows;
}

function numbered(number: number, line: string): string {
  return `${String(number).padStart(6)}| ${line}`;
}
