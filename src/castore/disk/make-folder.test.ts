import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { realFileSystem } from './file-system.ts';
import { makeFolder } from './make-folder.ts';

test('folders are made with those above them, once', () => {
  using folder = temporaryFolder();
  const deep = join(folder.path, 'a', 'b', 'c');
  assert.equal(makeFolder(realFileSystem, deep, 0o700), true);
  assert.equal(makeFolder(realFileSystem, deep), false);
  assert.equal(statSync(deep).mode & 0o777, 0o700);
  writeFileSync(join(folder.path, 'file'), '');
  assert.throws(() => makeFolder(realFileSystem, join(folder.path, 'file', 'below')), { code: 'ENOTDIR' });
});

test('what the system cannot make ends in its error', () => {
  assert.throws(() => makeFolder(realFileSystem, '/proc/no/such/folder'), { code: 'ENOENT' });
});
