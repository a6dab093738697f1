import { constants, accessSync, chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle } from '../../scripts/bundle.ts';
import { BenchError, type Workspace } from './comparison.ts';

const repository = join(import.meta.dirname, '../..');

export function makeWorkspace(folder: string): Workspace {
  // Servers run actions as other users, who have to get there.
  mkdirSync(folder, { mode: 0o755 });
  chmodSync(dirname(folder), 0o755);
  return {
    folder,
    node: process.execPath,
    peer: command => peerCommand(command),
    own: command => join(repository, 'bin', command),
    child: name => bundleChild(name, folder),
  };
}

/** Where C++ Nix's commands are, if the user says so. */
export function peerFolder(): string | undefined {
  return process.env['PEER_BINDIR'];
}

function peerCommand(command: string): string {
  const folder = peerFolder();
  if (folder === undefined) throw new BenchError("PEER_BINDIR is not set: it names the folder of C++ Nix's commands");
  const path = join(folder, command);
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new BenchError(`PEER_BINDIR has no ${command}: '${path}' cannot be run`);
  }
  return path;
}

/** Bundled as the command line is: loading 60 modules of source takes 100 ms. */
async function bundleChild(name: string, folder: string): Promise<readonly [string, ...string[]]> {
  await bundle({ [name]: `bench/children/${name}.ts` }, folder);
  return [process.execPath, '--disable-warning=ExperimentalWarning', join(folder, `${name}.cjs`)];
}
