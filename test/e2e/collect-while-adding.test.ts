import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyBlobs } from '../../src/castore/index.ts';
import { openLocalStoreIn, temporaryFolder } from '../../src/testing/index.ts';

const adder = join(import.meta.dirname, 'collect-while-adding-child.ts');

async function add(folder: string, which: string): Promise<void> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', adder, folder, which], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(child, 'close');
  assert.equal(child.exitCode, 0, `adder ${which}`);
}

test('collections in a loop take nothing that an adder holds', async () => {
  using folder = temporaryFolder();
  await using store = openLocalStoreIn(folder.path);
  const adding = new Set(['x', 'y']);
  const adders = Array.from(adding, which => add(folder.path, which).finally(() => adding.delete(which)));
  let collected = 0;
  while (adding.size > 0) collected += (await store.collector.collect()).paths.length;
  await Promise.all(adders);
  assert.ok(collected > 0, 'nothing was collected meanwhile');
  await store.collector.collect();
  assert.deepEqual(await store.index.allPaths(), []);
  assert.deepEqual(await Array.fromAsync(verifyBlobs(store.blobs)), []);
});
