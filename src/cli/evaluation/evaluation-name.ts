import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { builtFolder } from '../../base/index.ts';

/**
 * The name of a record: of everything but its inputs that the outcome of an evaluation follows from, which is given as data,
 * and of this program. A digest in hex.
 */
export function nameEvaluation(given: readonly unknown[]): string {
  const program = [process.version, ...['firn-run.cjs', 'core.wasm'].map(stampOf)];
  const text = JSON.stringify([program, given], (_, value: unknown) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

/** By what a file of the build is told from that of another build. */
function stampOf(file: string): readonly number[] {
  const stats = lstatSync(join(builtFolder(), file), { throwIfNoEntry: false });
  return stats === undefined ? [] : [stats.size, stats.mtimeMs];
}
