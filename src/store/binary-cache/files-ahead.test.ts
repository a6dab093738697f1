import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilesAhead } from './files-ahead.ts';

test('a file that was begun is handed out once, and what did not come counts as not begun', async () => {
  const asked: string[] = [];
  using files = new FilesAhead(async (path, { limit }) => {
    asked.push(`${path} ${limit}`);
    if (path === 'bad') throw new Error('no');
    return Buffer.from(path);
  });
  for (const path of ['a', 'a', 'bad']) files.begin(path, 10);
  files.begin('large', 1_000_000);
  assert.deepEqual(asked, ['a 10', 'bad 10']);
  assert.equal(String(await files.take('a')), 'a');
  for (const path of ['a', 'bad', 'large', 'other']) assert.equal(await files.take(path), undefined);
});

test('no more is begun than may wait', async () => {
  let begun = 0;
  using files = new FilesAhead(async () => {
    begun++;
    return Buffer.alloc(0);
  });
  for (let at = 0; at < 1000; at++) files.begin(String(at), 64 * 1024);
  assert.equal(begun, 256);
  await files.take('0');
  files.begin('next', 64 * 1024);
  assert.equal(begun, 257);
});
