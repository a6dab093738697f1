import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { bundleLibrary } from '../../scripts/bundle.ts';
import { temporaryFolder } from '../../src/testing/index.ts';

/** Adds more files than are made before a thread is started, reads them again, and tells how many were as they should. */
const program = `
  import { DiskBlobStore } from './castore.js';
  import { MemoryBlobStore } from './castore.js';
  const contents = Array.from({ length: 300 }, (_, i) => Buffer.alloc(20_000 + i, i));
  let same = 0;
  await using store = new DiskBlobStore(process.argv[1]);
  await using batch = store.batch();
  const digests = await Promise.all(contents.map(bytes => batch.put(bytes)));
  await batch.commit();
  for (const [i, digest] of digests.entries()) if (contents[i].equals(await store.get(digest))) same++;
  console.log(same, typeof MemoryBlobStore);
`;

test('the library finds what it starts threads from, and its user’s process ends', async () => {
  using folder = temporaryFolder();
  const lib = join(folder.path, 'lib');
  await bundleLibrary(['base', 'castore'], lib);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program, join(folder.path, 'data')],
    { cwd: lib },
  );
  assert.equal(stdout, '300 function\n');
});
