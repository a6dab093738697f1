import { type ByteString, brandAs } from '../../base/index.ts';

/** Rows of texts, whose columns stand below each other. Ends of lines within a text become spaces. */
export function formatTable(rows: readonly (readonly string[])[]): ByteString {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const lines = rows.map(row => {
    const cells = row.map((cell, column) => {
      const shown = cell.replaceAll('\n', ' ');
      return column < row.length - 1 ? shown.padEnd((widths[column] ?? 0) + 2) : shown;
    });
    return `${cells.join('')}\n`;
  });
  return brandAs<ByteString>(lines.join(''));
}
