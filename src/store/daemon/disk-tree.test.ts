import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ByteString, byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { DiskTree } from './disk-tree.ts';

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += Buffer.from(chunk).toString();
  return text;
}

const at = (...names: string[]): ByteString[] => names.map(name => byteStringFromText(name));

test('a tree on disk is looked around in, and not left', async () => {
  using folder = temporaryFolder();
  const root = join(folder.path, 'root');
  mkdirSync(join(root, 'sub'), { recursive: true });
  writeFileSync(join(folder.path, 'outside'), 'secret');
  writeFileSync(join(root, 'sub/run'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(root, 'plain'), '');
  const odd = byteStringFromLatin1('odd \xff');
  writeFileSync(Buffer.from(`${root}/${odd}`, 'latin1'), 'x');
  symlinkSync('../outside', join(root, 'link'));
  symlinkSync('sub', join(root, 'up'));
  const tree = new DiskTree(root);
  const names = [...at('link'), odd, ...at('plain', 'sub', 'up')];
  assert.deepEqual(await tree.lookup([]), { type: 'directory', names });
  assert.deepEqual(await tree.lookup(at('plain')), { type: 'regular', size: 0, executable: false });
  assert.deepEqual(await tree.lookup(at('sub', 'run')), { type: 'regular', size: 10, executable: true });
  assert.deepEqual(await tree.lookup(at('link')), { type: 'symlink', target: '../outside' });
  for (const nowhere of [at('absent'), at('up', 'run'), at('..', 'outside'), at('.'), at('sub/run'), at('plain', 'x')])
    assert.equal(await tree.lookup(nowhere), undefined);
  assert.equal(await textOf(tree.read([odd])), 'x');
  assert.equal(await textOf(tree.read(at('sub', 'run'))), '#!/bin/sh\n');
  for (const other of [[], at('link'), at('sub'), at('absent')])
    await assert.rejects(textOf(tree.read(other)), { code: 'tree/not-a-file' });
});
