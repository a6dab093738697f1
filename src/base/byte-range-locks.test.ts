import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasByteLocks, makePipe, setNonBlocking, tryLockByte } from './index.ts';

test(
  'a byte is locked by one open file at a time, whatever else the process asks of descriptors',
  { skip: !hasByteLocks() },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'firn-test-'));
    const [first, second] = [0, 1].map(() => openSync(join(folder, 'locks'), 'a'));
    assert.ok(first !== undefined && second !== undefined);
    const { readEnd, writeEnd } = makePipe();
    try {
      setNonBlocking(readEnd);
      assert.equal(tryLockByte(first, 2 ** 47), true);
      assert.equal(tryLockByte(second, 2 ** 47), false);
      assert.equal(tryLockByte(second, 2 ** 47 + 1), true);
      closeSync(first);
      assert.equal(tryLockByte(second, 2 ** 47), true);
    } finally {
      for (const fd of [second, readEnd, writeEnd]) closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  },
);
