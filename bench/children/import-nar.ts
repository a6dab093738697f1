/**
 * Reads a NAR from standard input into a data folder and commits durably.
 *
 *     import-nar DATA < NAR
 */
import { readSync } from 'node:fs';
import { DiskBlobStore, TreeBuilder } from '../../src/castore/index.ts';
import { NarReader } from '../../src/nix-compat/index.ts';

async function main(): Promise<void> {
  const [data] = process.argv.slice(2);
  if (data === undefined) throw new TypeError('usage: import-nar DATA');

  await using store = new DiskBlobStore(data);
  await using batch = store.batch();
  await using builder = new TreeBuilder(batch);
  const reader = new NarReader(builder);
  const buffer = new Uint8Array(1024 * 1024);
  for (let count = readSync(0, buffer); count > 0; count = readSync(0, buffer)) {
    reader.push(buffer.subarray(0, count));
    await builder.drain();
  }
  reader.end();
  await builder.finish();
  await batch.commit();
}

void main();
