/**
 * What `nix-store --add` does, on the castore: imports a file tree into a data folder, hashing its NAR in the same pass,
 * commits durably, and prints the store path.
 *
 *     import-tree DATA SOURCE [CHECKOUT]
 *
 * With CHECKOUT the tree is then made there of hard links to the data folder's files.
 */
import { basename } from 'node:path';
import { DiskBlobStore, checkoutTree, importTree } from '../../src/castore/index.ts';
import { Hasher, NarWriter, defaultStoreDir, makeFixedOutputPath, printStorePath } from '../../src/nix-compat/index.ts';

async function main(): Promise<void> {
  const [data, source, checkout] = process.argv.slice(2);
  if (data === undefined || source === undefined) throw new TypeError('usage: import-tree DATA SOURCE [CHECKOUT]');

  await using store = new DiskBlobStore(data);
  await using batch = store.batch();
  const hasher = new Hasher('sha256');
  const root = await importTree(source, batch, { observers: [new NarWriter(chunk => hasher.update(chunk))] });
  await batch.commit();
  if (checkout !== undefined) await checkoutTree(store, root, checkout, { files: store });
  const path = makeFixedOutputPath(defaultStoreDir, basename(source), { method: 'nar', hash: hasher.finish() });
  console.log(printStorePath(defaultStoreDir, path));
}

void main();
