/**
 * Makes a start-up snapshot of a process that has loaded all commands (docs/adr/0009): what Node does 1,000 modules for,
 * it then reads from one file. The build runs this (scripts/build.ts), with `node --build-snapshot`.
 *
 * What runs here must be true of every later process: neither environment, arguments, umask nor folders may be looked at.
 */
import { startupSnapshot } from 'node:v8';
import { loadAllCommands } from './commands/table.ts';
import { beginProcess } from './launch.ts';
import { run } from './run.ts';

// Loading it takes 6 ms otherwise, and whoever recalls an evaluation or reads a compressed file needs it.
process.getBuiltinModule('node:zlib');
startupSnapshot.setDeserializeMainFunction(() => void main());
void loadAllCommands();

async function main(): Promise<void> {
  // No script's name comes before the arguments, as it does elsewhere. The end as in main.ts.
  process.exit(await run(beginProcess(), process.argv.slice(1)));
}
