/**
 * Where the files of the program itself are: beside the module in the source, and beside the bundle in what is built.
 *
 * Looked up when they are needed and not before: what a start-up snapshot (docs/adr/0009) computed while it was made
 * would be true of the folder that it was made in.
 */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * The file that a thread or process of its own starts from: NAME.ts beside `module`, which is the caller's
 * `import.meta.filename`, or NAME.cjs beside the bundle.
 */
export function entryFile(module: string, name: string): string {
  return isSource(module) ? join(dirname(module), `${name}.ts`) : join(builtFolder(), `${name}.cjs`);
}

/** What the launcher names the snapshot by that Node starts from. */
export const snapshotOption = '--snapshot-blob=';

/**
 * A thread that starts from `entryFile(module, name)`. In a process from a snapshot it must not load what talks to others:
 * `net`, `http`, `tty`, `child_process` (docs/adr/0009).
 */
export function startThread(module: string, name: string, options: WorkerOptions = {}): Worker {
  // Not the options of the process: `--input-type` or a loader that `--import` names would be in the way.
  const execArgv = ['--disable-warning=ExperimentalWarning'];
  return new Worker(entryFile(module, name), { ...options, execArgv });
}

/** What the build makes: `dist`, or `lib` of a published package's library. */
export function builtFolder(): string {
  if (isSource(import.meta.filename)) return join(import.meta.dirname, '../../dist');
  const snapshot = process.execArgv.find(argument => argument.startsWith(snapshotOption));
  if (snapshot === undefined) return import.meta.dirname;
  // Its name may lead through a link to `bin`: what is beside that link is somebody else's.
  return dirname(realpathSync.native(snapshot.slice(snapshotOption.length)));
}

/** The folder of the package, which has `share`, `nix` and others that are used as they are. */
export function packageFolder(): string {
  return dirname(builtFolder());
}

function isSource(module: string): boolean {
  return module.endsWith('.ts');
}
