/** Imports argv[3] into the data folder argv[2] again and again, and says when it begins and what it has committed. */
import { writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DiskBlobStore, formatDigest, importTree } from '../../src/castore/index.ts';
import { noise } from '../../src/testing/index.ts';

const [data = '', source = ''] = process.argv.slice(2);
writeSync(1, 'begin\n');
for (let turn = 0; turn < 5; turn++) {
  await using store = new DiskBlobStore(data);
  await using batch = store.batch();
  writeFileSync(join(source, 'changing'), noise(20_000, process.pid * 8 + turn));
  const node = await importTree(source, batch);
  await batch.commit();
  if (node.kind === 'directory') writeSync(1, `${formatDigest(node.digest)}\n`);
}
