import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountTable } from './mount-table.ts';

test('places are as they are named, whatever is in their names', () => {
  const table = 'proc /proc proc rw,nosuid 0 0\nx /a\\040b\\011c\\134d fuse.firn ro 0 0\n';
  assert.deepEqual(parseMountTable(table), [
    { place: '/proc', type: 'proc', options: ['rw', 'nosuid'] },
    { place: '/a b\tc\\d', type: 'fuse.firn', options: ['ro'] },
  ]);
  assert.deepEqual(parseMountTable(''), []);
});
