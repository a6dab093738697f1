import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { builtFolder } from '../../base/index.ts';

/** Everything but what it reads that the outcome of an evaluation follows from, which is given as data, and this program, as a text. */
export function evaluationQuestion(given: readonly unknown[]): string {
  const program = [process.version, ...['firn-run.cjs', 'core.wasm'].map(stampOf)];
  return JSON.stringify([program, given], (_, value: unknown) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  );
}

/** By what a file of the build is told from that of another build. */
function stampOf(file: string): readonly number[] {
  const stats = lstatSync(join(builtFolder(), file), { throwIfNoEntry: false });
  return stats === undefined ? [] : [stats.size, stats.mtimeMs];
}
