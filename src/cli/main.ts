/**
 * Where a process starts. Start-up is a feature: what this file imports is what every invocation pays for.
 *
 * `FIRN_ARGV0` is the name of the multi-call set under which the launcher was called (`nix-store`). Neither it nor the
 * compile cache that the launcher chose (`FIRN_COMPILE_CACHE`) is meant for programs that we start.
 */
import { writeSync } from 'node:fs';
import { versionLine } from './version.ts';

const program = process.env['FIRN_ARGV0'] ?? 'firn';
delete process.env['FIRN_ARGV0'];
if (process.env['FIRN_COMPILE_CACHE'] !== undefined) {
  delete process.env['NODE_COMPILE_CACHE'];
  delete process.env['FIRN_COMPILE_CACHE'];
}

const args = process.argv.slice(2);
if (!(args.length === 1 && args[0] === '--version' && wrote(`${versionLine(program)}\n`))) void main();

/** False where standard output takes it badly: then the ordinary way is gone, which waits for it or complains. */
function wrote(line: string): boolean {
  try {
    return writeSync(1, line) > 0;
  } catch {
    return false;
  }
}

// No top-level await: the bundle is CommonJS.
async function main(): Promise<void> {
  const { run } = await import('./run.ts');
  process.exitCode = await run(program, args);
}
