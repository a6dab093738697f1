/** Where a process starts that has no snapshot to start from (snapshot.ts). What this imports is what `--version` pays for. */
import { writeSync } from 'node:fs';
import { beginProcess } from './launch.ts';
import { versionLine } from './version.ts';

const program = beginProcess();
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
  // At once: nothing is left to wait for, and to take the heap apart takes milliseconds.
  process.exit(await run(program, args));
}
