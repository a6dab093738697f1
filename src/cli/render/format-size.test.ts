import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSize, formatSizes } from './format-size.ts';

test('formatSize has one digit after the point and no unit below KiB', () => {
  assert.equal(formatSize(0), '0.0 KiB');
  assert.equal(formatSize(100), '0.1 KiB');
  assert.equal(formatSize(1024 * 1024), '1024.0 KiB');
  assert.equal(formatSize(1024 * 1024 + 1024), '1.0 MiB');
  assert.equal(formatSize(12_433_615_056), '11.6 GiB');
  assert.equal(formatSize(2 ** 70), '1024.0 EiB');
  assert.equal(formatSize(-3000), '-2.9 KiB');
  assert.equal(formatSize(100, 6), '   0.1 KiB');
});

test('formatSize rounds ties to the even digit', () => {
  assert.equal(formatSize(256), '0.2 KiB');
  assert.equal(formatSize(768), '0.8 KiB');
});

test('formatSizes says a common unit once', () => {
  assert.deepEqual(formatSizes([1, 2000]), { texts: ['0.0 KiB', '2.0 KiB'], suffix: '' });
  assert.deepEqual(formatSizes([2000, 3000]), { texts: ['2.0', '2.9'], suffix: ' KiB' });
});
