/**
 * A garbage collection that goes on until it is killed. Its roots are the names of the files in the folder that the
 * second argument names: digests of directories.
 */
import { readdirSync } from 'node:fs';
import { type Node, BlobMarks, DiskBlobStore, sha256FromHex, sweepBlobs } from '../../src/castore/index.ts';

const [data = '', rootFolder = ''] = process.argv.slice(2);

function readRoots(): Node[] {
  return readdirSync(rootFolder).map(name => {
    const [hash = '', size = ''] = name.split('-');
    return { kind: 'directory', digest: { hash: sha256FromHex(hash), size: Number(size) } };
  });
}

await using store = new DiskBlobStore(data);
for (;;) {
  const marks = new BlobMarks(store);
  await marks.mark({ nodes: readRoots() });
  const { deleted } = await sweepBlobs(store, marks, { newRoots: () => ({ nodes: readRoots() }) });
  process.stdout.write(`${deleted}\n`);
}
