import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findBusybox } from '../../src/testing/index.ts';
import { runCli } from './run-cli.ts';

/** Adds what `make` puts into a folder called `name` to the store in `data`; the store path, as actions see it. */
export function addPath(data: string, name: string, make: (folder: string) => void): string {
  const parent = mkdtempSync(join(data, '../sources-'));
  const folder = join(parent, name);
  mkdirSync(folder);
  make(folder);
  const added = runCli('nix-store', ['--add', folder], { env: { FIRN_DATA: data } });
  assert.equal(added.status, 0, added.stderr);
  // Where it is may be elsewhere than where it says that it is.
  return `/nix/store/${basename(added.stdout.toString().trim())}`;
}

/** A tree with busybox as `bin/busybox` and `bin/sh`, which is a root file system as well. */
export function addTool(data: string): string {
  return addPath(data, 'tool', folder => {
    mkdirSync(join(folder, 'bin'));
    copyFileSync(findBusybox(), join(folder, 'bin/busybox'));
    symlinkSync('busybox', join(folder, 'bin/sh'));
    writeFileSync(join(folder, 'message'), 'as it was\n');
  });
}
