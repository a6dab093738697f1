import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findBubblewrap } from '../../exec/index.ts';
import { CliError } from '../error.ts';
import type { Program } from './become-program.ts';

/** A store that is elsewhere than its paths say. */
export interface MovedStore {
  readonly storeDir: string;
  readonly realStoreDir: string;
}

/**
 * How bubblewrap is called to run `program` in a mount namespace that is like this one but for the store, which is where
 * its paths say. What is at the store directory of this machine is not seen there. Throws `shell/no-namespace`.
 */
export function storeNamespace(store: MovedStore, program: Program): Pick<Program, 'file' | 'args'> {
  const file = findBubblewrap();
  if (file === undefined) {
    const message = `running programs of the store in '${store.realStoreDir}' takes bubblewrap, which is not installed (Debian: apt install bubblewrap)`;
    throw new CliError('shell/no-namespace', message);
  }
  const mounts = existsSync(store.storeDir) ? ['--dev-bind', '/', '/'] : rootWithout(store.storeDir);
  const args = [...mounts, '--bind', store.realStoreDir, store.storeDir, '--chdir', process.cwd(), '--'];
  return { file, args: ['bwrap', ...args, program.file, ...program.args.slice(1)] };
}

/** Mounts of all that is in the root folder and in those above `path`, in which `path` can then be made. */
function rootWithout(path: string): string[] {
  const mounts: string[] = [];
  const parents: string[] = [];
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) parents.push(folder);
  for (const folder of ['/', ...parents.toReversed()]) {
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const place = join(folder, entry.name);
      if (parents.includes(place)) continue;
      if (entry.isSymbolicLink()) mounts.push('--symlink', readlinkSync(place), place);
      else mounts.push('--dev-bind-try', place, place);
    }
  }
  return mounts;
}
