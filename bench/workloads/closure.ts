import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StorePath, encodeNix32, hashBytes, joinStorePath } from '../../src/nix-compat/index.ts';
import { writeText } from './text.ts';

const paths = 1000;
const filesPerPath = [1, 3, 9, 27] as const;
const bytesPerPath = 200_000;

export const closureWorkload =
  'a closure of 1,000 store paths of 200,000 bytes each, in 1 to 27 files of text; the longest chain of references has 20 paths';

/** On disk, allowing for blocks and folders. */
export const closureBytes = 300_000_000;

/** The path that refers to all others, if not directly. */
export const closureRoot = closurePath(0);

/**
 * Makes a store of C++ Nix with the closure at `root`, by its `nix-store`: the files are written into the store
 * directory and then registered.
 */
export function makeClosure(root: string, nixStore: string): void {
  const storeDirectory = join(root, 'nix/store');
  mkdirSync(storeDirectory, { recursive: true });
  let registration = '';
  for (let i = 0; i < paths; i++) {
    makePath(join(storeDirectory, closurePath(i)), i);
    const references = referencesOf(i).map(at => `/nix/store/${closurePath(at)}\n`);
    registration += `/nix/store/${closurePath(i)}\n\n${references.length}\n${references.join('')}`;
  }
  const env = { HOME: root, NIX_REMOTE: `local?root=${root}`, NIX_CONFIG: 'build-users-group =' };
  execFileSync(nixStore, ['--register-validity', '--reregister'], { env, input: registration });
}

function makePath(path: string, i: number): void {
  mkdirSync(path);
  const files = filesPerPath[i % filesPerPath.length] ?? 1;
  for (let file = 0; file < files; file++) {
    const folder = join(path, `part-${Math.floor(file / 10)}`);
    mkdirSync(folder, { recursive: true });
    writeText(join(folder, `file-${file}`), Math.floor(bytesPerPath / files), i * 100 + file);
  }
  writeFileSync(
    join(path, 'references'),
    referencesOf(i)
      .map(at => `/nix/store/${closurePath(at)}\n`)
      .join(''),
  );
  chmodSync(path, 0o555);
}

/** A tree, with further edges that make chains. */
function referencesOf(i: number): number[] {
  return [2 * i + 1, 2 * i + 2, i + 50].filter(at => at < paths);
}

function closurePath(i: number): StorePath {
  const hash = hashBytes('sha256', Buffer.from(`closure ${i}`)).digest.subarray(0, 20);
  return joinStorePath(encodeNix32(hash), `closure-${i}`);
}
