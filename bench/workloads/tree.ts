import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { walkTreeToEnd } from '../../src/castore/index.ts';
import { Hasher, NarWriter, formatHash } from '../../src/nix-compat/index.ts';
import { writeNoise } from './noise.ts';

const folders = 100;
const filesPerFolder = 100;
const fileSize = 58_000;

export const treeWorkload =
  '10,001 files, all but one of 58,000 bytes, in 100 folders: 580 MB; one file in ten is executable';

/** On disk, allowing for blocks and folders. */
export const treeBytes = folders * filesPerFolder * 61_440 + 4_000_000;

/** Makes the tree at `path`, the same everywhere. */
export function makeTree(path: string): void {
  mkdirSync(path);
  for (let folder = 0; folder < folders; folder++) {
    const at = join(path, `folder-${folder}`);
    mkdirSync(at);
    for (let file = 0; file < filesPerFolder; file++) {
      const mode = file % 10 === 0 ? 0o755 : 0o644;
      writeNoise(join(at, `file-${file}`), fileSize, folder * filesPerFolder + file, mode);
    }
  }
  writeFileSync(join(path, 'README'), 'A tree to measure with.\n');
}

/** The hash of the tree's NAR, to see whether what was made is right. */
export function hashTree(path: string): string {
  const hasher = new Hasher('sha256');
  walkTreeToEnd(path, new NarWriter(chunk => hasher.update(chunk)));
  return formatHash(hasher.finish(), 'sri');
}
