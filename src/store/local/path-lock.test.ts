import assert from 'node:assert/strict';
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { lockPath } from './path-lock.ts';

test('a lock excludes others, and its file, when removed, tells C++ Nix by its size that it is', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'path');
  const lock = await lockPath(path);
  const waiting = openSync(`${path}.lock`, 'r');
  await assert.rejects(lockPath(path, AbortSignal.timeout(5)), { name: 'AbortError' });
  assert.equal(fstatSync(waiting).size, 0);
  lock[Symbol.dispose]();
  assert.notEqual(fstatSync(waiting).size, 0);
  closeSync(waiting);
  assert(!existsSync(`${path}.lock`));
  using _again = await lockPath(path);
});
