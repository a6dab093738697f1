import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { errnoOf } from './errors.ts';
import { SyscallError } from './ffi-library.ts';
import { hasExtendedAttributes, inodeFlags, syncFileSystem, tryLockFile, unlockFile } from './syscalls.ts';

const folder = mkdtempSync(join(tmpdir(), 'firn-syscalls-'));
after(() => rmSync(folder, { recursive: true }));

test('shared locks go together, an exclusive one goes alone', () => {
  const path = join(folder, 'lock');
  const [a, b, c] = [openSync(path, 'w'), openSync(path, 'w'), openSync(path, 'w')];
  assert.equal(tryLockFile(a, 'shared'), true);
  assert.equal(tryLockFile(b, 'shared'), true);
  assert.equal(tryLockFile(c, 'exclusive'), false);
  unlockFile(a);
  closeSync(b);
  assert.equal(tryLockFile(c, 'exclusive'), true);
  assert.equal(tryLockFile(a, 'shared'), false);
  closeSync(a);
  closeSync(c);
});

test('a file system is synced, and an error names the call and the error number', () => {
  const fd = openSync(folder, 'r');
  assert.equal(syncFileSystem(fd), process.platform === 'linux');
  closeSync(fd);
  assert.throws(
    () => tryLockFile(1 << 20, 'shared'),
    (error: unknown) => error instanceof SyscallError && error.code === 'syscall/failed' && error.errno === 'EBADF',
  );
  assert.throws(
    () => tryLockFile(1 << 20, 'shared'),
    (error: unknown) => errnoOf(error) === 'EBADF',
  );
});

test(
  'flags that are set on a folder are seen, and that it has no attributes',
  { skip: process.platform !== 'linux' },
  () => {
    const plain = openSync(folder, 'r');
    const path = mkdtempSync(join(folder, 'marked-'));
    const before = openSync(path, 'r');
    try {
      assert.equal(hasExtendedAttributes(plain), false);
      assert.equal(inodeFlags(before), inodeFlags(plain));
      execFileSync('chattr', ['+d', path]);
      assert.notEqual(inodeFlags(before), inodeFlags(plain));
    } finally {
      closeSync(plain);
      closeSync(before);
    }
  },
);
