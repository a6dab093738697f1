import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { putBlob } from '../blob-store.ts';
import { encodeDirectory } from '../directory.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import type { DirectoryEntry } from '../node.ts';
import { exportForeignDirectory } from './export-directory.ts';
import { foreignDigestOf } from './foreign-digest.ts';
import { MemoryBlobAliases, MemoryDirectoryAliases } from './memory-aliases.ts';
import { decodeTreeMessage, encodeTreeMessage, importTreeMessage, treeMessageOf } from './tree-message.ts';

function open() {
  return { store: new MemoryBlobStore(), blobs: new MemoryBlobAliases(), directories: new MemoryDirectoryAliases() };
}

async function makeTree(foreign: ReturnType<typeof open>) {
  const { store } = foreign;
  const put = (entries: DirectoryEntry[]) => putBlob(store, encodeDirectory({ entries }));
  const name = byteStringFromText;
  const file = await putBlob(store, Buffer.from('contents'));
  const leaf = await put([{ name: name('f'), node: { kind: 'file', digest: file, executable: true } }]);
  const middle = await put([{ name: name('leaf'), node: { kind: 'directory', digest: leaf } }]);
  // The leaf comes early here, and must come late in the message.
  return put([
    { name: name('a'), node: { kind: 'directory', digest: leaf } },
    { name: name('b'), node: { kind: 'directory', digest: middle } },
    { name: name('c'), node: { kind: 'directory', digest: leaf } },
  ]);
}

for (const digestFunction of ['sha256', 'blake3'] as const)
  test(`a tree goes into its message and out of it: ${digestFunction}`, async () => {
    const from = open();
    const own = await makeTree(from);
    const root = await exportForeignDirectory(own, digestFunction, from);
    const message = await treeMessageOf(root, from);
    const decoded = decodeTreeMessage(message);
    assert.equal(decoded.children.length, 2);
    assert.deepEqual(encodeTreeMessage(decoded.root, decoded.children), message);
    const middle = decoded.children[0] ?? assert.fail();
    assert.ok(Buffer.from(middle).includes('leaf'));
    const to = open();
    for (const bytes of [Buffer.from('contents')]) {
      await to.blobs.record([
        { foreign: foreignDigestOf(bytes, digestFunction), digest: await putBlob(to.store, bytes) },
      ]);
    }
    assert.deepEqual(await importTreeMessage({ bytes: message, digestFunction }, to), own);
    assert.deepEqual(await to.store.findMissing([own]), []);
  });

test('a tree without its root, or without one of its directories, is refused', async () => {
  const from = open();
  const message = await treeMessageOf({ function: 'sha256', ...(await makeTree(from)) }, from);
  const { root, children } = decodeTreeMessage(message);
  assert.throws(() => decodeTreeMessage(new Uint8Array(0)), { code: 'directory/malformed' });
  assert.throws(() => decodeTreeMessage(message.subarray(0, message.byteLength - 1)), { code: 'directory/malformed' });
  const partial = encodeTreeMessage(root, children.slice(1));
  await assert.rejects(importTreeMessage({ bytes: partial, digestFunction: 'sha256' }, open()), {
    code: 'blob/missing',
    message: /^'b' in the tree: the directory/,
  });
});
