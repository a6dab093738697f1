import type { SourcePosition } from '../../base/index.ts';
import { blue, magenta, normal, red } from './ansi.ts';

/** A place in a source, and the lines around it with an arrow. */
export function formatPosition({ file, line, column, lines }: SourcePosition): string {
  const place = `${blue}at ${magenta}${file}:${line}:${column}${normal}:`;
  if (lines === undefined) return place;
  const [before, current, after] = lines;
  const rows = [place];
  if (before !== undefined) rows.push(numbered(line - 1, before));
  rows.push(numbered(line, current), `      |${' '.repeat(column)}${red}^${normal}`);
  if (after !== undefined) rows.push(numbered(line + 1, after));
  return rows.join('\n');
}

function numbered(number: number, line: string): string {
  return `${String(number).padStart(6)}| ${line}`;
}
