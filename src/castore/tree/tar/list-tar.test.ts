import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText } from '../../../base/index.ts';
import { tarArchive } from '../../../testing/index.ts';
import { listTar } from './list-tar.ts';

test('listTar says where files are, and what links lead to', async () => {
  const archive = tarArchive([
    { path: 'd', type: '5' },
    { type: 'L', contents: `${'n'.repeat(120)}\0` },
    { path: 'cut', contents: 'long' },
    { path: './d/a', contents: 'first' },
    { path: '/d/a', contents: 'second' },
    { path: 'd/hard', type: '1', linkPath: 'd/a' },
    { path: 'e/soft', type: '2', linkPath: '../d/hard' },
    { path: 'top', type: '2', linkPath: '/../e/soft' },
    { path: 'circle', type: '2', linkPath: 'circle' },
    { path: 'nowhere', type: '2', linkPath: 'none' },
    { path: 'fifo', type: '6' },
  ]);
  const files = await listTar([archive]);
  assert.deepEqual([...files.keys()].toSorted(), ['d/a', 'd/hard', 'e/soft', 'n'.repeat(120), 'top']);
  const contents = (name: string) => {
    const { offset = 0, size = 0 } = files.get(byteStringFromText(name)) ?? {};
    return archive.toString('latin1', offset, offset + size);
  };
  for (const name of ['d/a', 'd/hard', 'e/soft', 'top']) assert.equal(contents(name), 'second');
  assert.equal(contents('n'.repeat(120)), 'long');
});
