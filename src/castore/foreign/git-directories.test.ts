import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import { importTree } from '../tree/import-tree.ts';
import { exportGitDirectory, importGitDirectory } from './git-directories.ts';
import { MemoryBlobAliases, MemoryDirectoryAliases } from './memory-aliases.ts';

test('directories become the trees that git makes of them, and these directories again', async () => {
  using folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  mkdirSync(at('a'));
  mkdirSync(at('a', 'b'));
  writeFileSync(at('a', 'b', 'file'), 'contents\n');
  writeFileSync(at('a', 'b', 'tool'), '#!/bin/sh\n');
  chmodSync(at('a', 'b', 'tool'), 0o755);
  // Between the name of a directory with and without its slash, by which git orders.
  writeFileSync(at('a', 'b.txt'), '');
  symlinkSync('b/file', at('a', 'link'));
  const git = (...args: string[]) => execFileSync('git', ['-C', at('a'), ...args], { encoding: 'utf8' }).trim();
  git('init', '-q');
  git('add', '.');
  const id = git('write-tree');

  const foreign = {
    store: new MemoryBlobStore(),
    blobs: new MemoryBlobAliases(),
    directories: new MemoryDirectoryAliases(),
  };
  await using batch = foreign.store.batch();
  const root = await importTree(at('a'), batch, { filter: path => !String(path).endsWith('.git') });
  await batch.commit();
  assert.ok(root.kind === 'directory');
  const exported = await exportGitDirectory(root.digest, foreign);
  assert.deepEqual([exported.function, exported.hash], ['gittree', id]);
  const { directory, objects } = await importGitDirectory({ ...exported, size: 0 }, foreign);
  assert.deepEqual(directory, root.digest);
  assert.equal(objects.length, 3);
});

test('a tree whose objects are absent is refused, naming the path', async () => {
  const foreign = {
    store: new MemoryBlobStore(),
    blobs: new MemoryBlobAliases(),
    directories: new MemoryDirectoryAliases(),
  };
  await assert.rejects(importGitDirectory({ function: 'gittree', hash: 'a'.repeat(40), size: 5 }, foreign), {
    code: 'blob/missing',
    message: `the root of the tree: the object gittree:${'a'.repeat(40)} is absent`,
  });
});
