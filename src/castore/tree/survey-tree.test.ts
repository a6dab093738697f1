import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText, ignoreTree } from '../../base/index.ts';
import { CountingBlobStore, temporaryFolder } from '../../testing/index.ts';
import { type BlobStore, putBlob } from '../blob-store.ts';
import { encodeDirectory } from '../directory.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import type { Node } from '../node.ts';
import { checkoutTree } from './checkout.ts';
import { streamTree } from './stream-tree.ts';
import { surveyTree } from './survey-tree.ts';

const code = (expected: CastoreErrorCode) => (error: unknown) =>
  error instanceof CastoreError && error.code === expected;

async function putDirectory(store: BlobStore, nodes: readonly Node[]): Promise<Node> {
  const entries = nodes.map((node, i) => ({ name: byteStringFromText(String(i)), node }));
  return { kind: 'directory', digest: await putBlob(store, encodeDirectory({ entries })) };
}

/** A tree of `depth` directories, each there twice in the one above it. */
async function putDoubling(store: BlobStore, depth: number): Promise<Node> {
  const digest = await putBlob(store, Buffer.from('leaf'));
  const link = { kind: 'symlink', target: byteStringFromText('0') } as const;
  let node: Node = await putDirectory(store, [
    { kind: 'file', digest, executable: false },
    { kind: 'file', digest, executable: true },
    link,
  ]);
  for (let i = 1; i < depth; i++) node = await putDirectory(store, [node, node]);
  return node;
}

describe('a survey of a tree', () => {
  test('reads each directory once and counts every node', async () => {
    const store = new CountingBlobStore(new MemoryBlobStore());
    const root = await putDoubling(store, 20);
    store.counts.get = 0;
    const { nodes, files } = await surveyTree(store, root);
    assert.equal(store.counts.get, 20);
    assert.equal(nodes, 2 ** 19 * 5 - 1);
    assert.deepEqual(
      Array.from(files, ({ executable }) => executable),
      [false, true],
    );
    assert.equal((await surveyTree(store, { kind: 'symlink', target: byteStringFromText('a') })).nodes, 1);
  });

  test('refuses a tree of too many nodes at once, also where it has 2^64 of them', async () => {
    const store = new MemoryBlobStore();
    await assert.rejects(surveyTree(store, await putDoubling(store, 63)), code('tree/too-many-nodes'));
    const root = await putDoubling(store, 3);
    assert.equal((await surveyTree(store, root, { maxNodes: 19 })).nodes, 19);
    await assert.rejects(surveyTree(store, root, { maxNodes: 18 }), code('tree/too-many-nodes'));
  });

  test('refuses what is too deep, also where the same directory stood higher before', async () => {
    const store = new MemoryBlobStore();
    let node = await putDirectory(store, []);
    for (let depth = 1; depth < 40; depth++) node = await putDirectory(store, [node]);
    let deeper = node;
    for (let depth = 0; depth < 23; depth++) deeper = await putDirectory(store, [deeper]);
    await surveyTree(store, await putDirectory(store, [node, deeper]));
    deeper = await putDirectory(store, [deeper]);
    await assert.rejects(surveyTree(store, await putDirectory(store, [node, deeper])), code('tree/too-deep'));
  });
});

test('a checkout and a stream refuse a tree of too many nodes', async () => {
  using folder = temporaryFolder();
  const store = new MemoryBlobStore();
  const root = await putDoubling(store, 3);
  const path = join(folder.path, 'out');
  await assert.rejects(checkoutTree(store, root, path, { maxNodes: 18 }), code('tree/too-many-nodes'));
  assert.deepEqual(readdirSync(folder.path), []);
  await checkoutTree(store, root, path, { maxNodes: 19 });
  await assert.rejects(streamTree(store, root, ignoreTree, { maxNodes: 18 }), code('tree/too-many-nodes'));
  await streamTree(store, root, ignoreTree, { maxNodes: 19 });
});
