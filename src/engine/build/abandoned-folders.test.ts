import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { nameOfBuildFolder, removeAbandonedFolders } from './abandoned-folders.ts';

test('folders of processes that are gone are removed, unless they are kept', () => {
  using folder = temporaryFolder();
  const { pid: gone } = spawnSync(process.execPath, ['-e', '']);
  const make = (name: string, mode: number) => {
    mkdirSync(join(folder.path, name));
    writeFileSync(join(folder.path, name, 'file'), '');
    chmodSync(join(folder.path, name), mode);
  };
  const own = nameOfBuildFolder(7);
  make(own, 0o700);
  make(`nix-${gone}-0`, 0o700);
  make(`nix-${gone}-1`, 0o755);
  make(`nix-${gone}-2`, 0o000);
  make(`nix-${gone}-3.old`, 0o755);
  make('other', 0o700);
  removeAbandonedFolders(folder.path);
  assert.deepEqual(readdirSync(folder.path).toSorted(), [own, `nix-${gone}-1`, 'other'].toSorted());
});
