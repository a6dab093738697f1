import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StorePath, encodeNix32, hashBytes, joinStorePath } from '../../src/nix-compat/index.ts';
import { writeNoise } from './noise.ts';

const paths = 61;
const filesPerPath = 64;

/** Sizes of files in turn, in KiB: most are small, most bytes are in few. The same share as in a closure of programs. */
const sizes = [1, 2, 2, 3, 4, 4, 6, 8, 12, 16, 24, 32, 48, 96, 200, 400, 1900] as const;

const bytesPerPath = Array.from({ length: filesPerPath }, (_, i) => sizeOf(i)).reduce((sum, size) => sum + size, 0);

export const mixedClosureBytes: number = paths * bytesPerPath;

export const mixedClosureWorkload = `a closure of ${(mixedClosureBytes / 2 ** 20).toFixed(0)} MiB: ${paths} store paths of ${filesPerPath} files each, from 1 KiB to 1.9 MiB`;

/** The path that refers to all others, if not directly. */
export const mixedClosureRoot: StorePath = mixedPath(0);

/** Makes a store of C++ Nix with the closure at `root`, as `makeClosure`. */
export function makeMixedClosure(root: string, nixStore: string): void {
  const storeDirectory = join(root, 'nix/store');
  mkdirSync(storeDirectory, { recursive: true });
  let registration = '';
  for (let i = 0; i < paths; i++) {
    const references = [2 * i + 1, 2 * i + 2].filter(at => at < paths).map(at => `/nix/store/${mixedPath(at)}\n`);
    makePath(join(storeDirectory, mixedPath(i)), { i, references });
    registration += `/nix/store/${mixedPath(i)}\n\n${references.length}\n${references.join('')}`;
  }
  const env = { HOME: root, NIX_REMOTE: `local?root=${root}`, NIX_CONFIG: 'build-users-group =' };
  execFileSync(nixStore, ['--register-validity', '--reregister'], { env, input: registration });
}

function makePath(path: string, { i, references }: { readonly i: number; readonly references: readonly string[] }) {
  mkdirSync(path);
  for (let file = 0; file < filesPerPath; file++) {
    const folder = join(path, `part-${Math.floor(file / 16)}`);
    mkdirSync(folder, { recursive: true });
    const mode = file % 10 === 0 ? 0o755 : 0o644;
    writeNoise(join(folder, `file-${file}`), sizeOf(file), i * filesPerPath + file, mode);
  }
  writeFileSync(join(path, 'references'), references.join(''));
  chmodSync(path, 0o555);
}

function sizeOf(file: number): number {
  return (sizes[file % sizes.length] ?? 1) * 1024;
}

function mixedPath(i: number): StorePath {
  const hash = hashBytes('sha256', Buffer.from(`mixed ${i}`)).digest.subarray(0, 20);
  return joinStorePath(encodeNix32(hash), `mixed-${i}`);
}
