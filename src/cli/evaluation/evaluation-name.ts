import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { builtFolder, toHex } from '../../base/index.ts';
import { hashBytes } from '../../nix-compat/index.ts';

/**
 * The name of a record: of everything but its inputs that the outcome of an evaluation follows from, which is given as data,
 * and of this program. A digest in hex.
 */
export function nameEvaluation(given: readonly unknown[]): string {
  const program = [process.version, ...['firn-run.cjs', 'core.wasm'].map(stampOf)];
  const text = JSON.stringify([program, given], (_, value: unknown) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  );
  return toHex(hashBytes('sha256', Buffer.from(text)).digest);
}

/** By what a file of the build is told from that of another build. */
function stampOf(file: string): readonly number[] {
  const stats = lstatSync(join(builtFolder(), file), { throwIfNoEntry: false });
  return stats === undefined ? [] : [stats.size, stats.mtimeMs];
}
