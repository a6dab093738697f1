/** With a file system of 4 MiB at argv[2]: fills it by an import, then shows that the store is sound and goes on. */
import assert from 'node:assert/strict';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiskBlobStore, importTree, verifyBlobs } from '../../src/castore/index.ts';
import { noise, temporaryFolder } from '../../src/testing/index.ts';

const [disk = ''] = process.argv.slice(2);
const { blocks, bsize } = statfsSync(disk);
assert.ok(blocks * bsize <= 4 * 1024 * 1024, 'the small file system is not there');
using folder = temporaryFolder();

await using store = new DiskBlobStore(join(disk, 'data'));
let serial = 0;
async function add(files: number, size: number): Promise<void> {
  const source = join(folder.path, String(serial++));
  mkdirSync(source);
  for (let i = 0; i < files; i++) writeFileSync(join(source, String(i)), noise(size, i));
  await using batch = store.batch();
  await importTree(source, batch);
  await batch.commit();
}

await add(3, 1000);
for (const [files, size] of [
  [100, 100_000], // files
  [400, 20_000], // files that are made on a thread
  [2000, 8000], // rows
] as const) {
  await assert.rejects(add(files, size), /ENOSPC|no space|disk is full/i);
  const problems = await Array.fromAsync(verifyBlobs(store, { repair: true }));
  assert.deepEqual(
    problems.filter(({ kind }) => kind !== 'orphan'),
    [],
  );
  await add(3, 1000);
}
process.stdout.write('sound\n');
