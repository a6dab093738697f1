/**
 * What `nix-store --dump` does, from the castore: writes the NAR of a stored tree to standard output.
 *
 *     dump-tree DATA NODE, the root as JSON
 */
import { writeSync } from 'node:fs';
import { DiskBlobStore, type Node, streamTree } from '../../src/castore/index.ts';
import { NarWriter } from '../../src/nix-compat/index.ts';

async function main(): Promise<void> {
  const [data, node] = process.argv.slice(2);
  if (data === undefined || node === undefined) throw new TypeError('usage: dump-tree DATA NODE');

  await using store = new DiskBlobStore(data);
  const write = (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.byteLength;) at += writeSync(1, chunk, at);
  };
  const writer = new NarWriter(write, { bufferSize: 256 * 1024 });
  await streamTree(store, JSON.parse(node) as Node, writer, { reader: store });
}

void main();
