import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, cpSync, globSync, mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeTree } from '../../src/castore/index.ts';
import { binDir } from './run-cli.ts';

const repository = dirname(binDir);
const node = join(repository, 'node_modules/.bin/node');

/** All that our commands are, without sources, in a new folder below `parent`, which is to be removed: some 160 MB. */
function copyCommands(parent: string): string {
  const folder = mkdtempSync(join(parent, 'commands-'));
  const copy = (name: string, from = join(repository, name)) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    copyFileSync(from, join(folder, name), constants.COPYFILE_FICLONE);
  };
  for (const name of globSync(['firn', 'dist/*.cjs', 'dist/*.wasm', 'dist/firn.snapshot'], { cwd: repository }))
    copy(name);
  for (const name of ['bin', 'nix']) cpSync(join(repository, name), join(folder, name), { recursive: true });
  copy('node_modules/.bin/node', realpathSync(node));
  return folder;
}

/**
 * Has builders find our commands that see nothing of this machine: adds them to a store, by `add`, which gets a folder below
 * `parent`. The store path; its `bin` is for PATH.
 */
export function addCommands(parent: string, add: (folder: string) => string): string {
  const folder = copyCommands(parent);
  try {
    return add(folder);
  } finally {
    removeTree(folder);
  }
}

/** For `sandbox-paths`: the files of this machine that our commands need beside themselves, and a shell. */
export function filesOfCommands(): string[] {
  const needed = execFileSync('ldd', [node], { encoding: 'utf8' });
  // `NAME => FILE (ADDRESS)`, and the loader by its file alone.
  return Array.from(needed.matchAll(/(\/\S+) \(0x/g), ([, file = '']) => file);
}
