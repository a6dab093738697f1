import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { PathLocks } from './path-locks.ts';

test('a name is locked by one at a time, and all that somebody holds ends together', async () => {
  using folder = temporaryFolder();
  const locks = new PathLocks(folder.path);
  const [one, other] = [locks.open(), locks.open()];
  assert.deepEqual([one.tryLock('a'), one.tryLock('b'), other.tryLock('c')], [true, true, true]);
  assert.deepEqual([other.tryLock('a'), one.tryLock('c')], [false, false]);
  await assert.rejects(locks.lock('b', AbortSignal.timeout(5)), { name: 'AbortError' });
  one[Symbol.dispose]();
  assert.deepEqual([other.tryLock('a'), other.tryLock('b')], [true, true]);
  const waiting = locks.lock('c');
  other[Symbol.dispose]();
  using late = await waiting;
  assert.ok(late !== undefined && !locks.open().tryLock('c'));
  assert.ok(readdirSync(join(folder.path)).length <= 1);
});
