import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ComparisonResult, FigureResult } from './compare.ts';
import type { Comparison } from './comparison.ts';
import type { Machine } from './machine.ts';

/** Writes `<name>.json` into `folder`. */
export function writeRecord(
  folder: string,
  name: string,
  comparison: Comparison,
  { machine, result }: { readonly machine: Machine; readonly result: ComparisonResult },
): void {
  const { title, workload } = comparison;
  const date = new Date().toISOString().slice(0, 10);
  const record = { name, title, workload, date, machine, figures: result.figures, sides: result.sides };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(record, undefined, 2)}\n`);
}

export function formatResult({ title, workload }: Comparison, { sides, figures }: ComparisonResult): string {
  const rows = Object.entries(sides).map(([name, { command, median: of }]) => [
    name,
    `${of.wallMs.toFixed(0)} ms`,
    `${of.userMs.toFixed(0)} ms`,
    `${of.systemMs.toFixed(0)} ms`,
    `${((of.peakKiB * 1024) / 1e6).toFixed(0)} MB`,
    of.server === undefined ? '' : `${of.server.cpuMs.toFixed(0)} ms`,
    of.server === undefined ? '' : `${((of.server.peakKiB * 1024) / 1e6).toFixed(0)} MB`,
    command,
  ]);
  const table = align([['', 'wall', 'user', 'system', 'memory', 'server', 'its memory', 'command'], ...rows]);
  return [title, `  ${workload}`, ...table, ...align(figures.map(figureRow))].join('\n');
}

function figureRow(figure: FigureResult): string[] {
  const { name, value, quartiles, bar, met } = figure;
  const show = (amount: number) => formats[figure.kind](amount);
  const spread = `(quartiles ${quartiles.map(show).join(' to ')})`;
  const verdict = bar === undefined ? 'no bar' : `${met === true ? 'meets' : 'MISSES'} at most ${show(bar)}`;
  return [name, show(value), spread, verdict];
}

const formats: Readonly<Record<FigureResult['kind'], (value: number) => string>> = {
  ratio: value => `${value.toFixed(2)}x`,
  difference: value => `${value.toFixed(1)} ms`,
  memory: value => `${value.toFixed(0)} MB`,
  'memory-ratio': value => `${value.toFixed(2)}x`,
  'server-ratio': value => `${value.toFixed(2)}x`,
  'server-memory': value => `${value.toFixed(0)} MB`,
};

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows.map(row => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}
