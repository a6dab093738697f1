import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MessageInitShape, create } from '@bufbuild/protobuf';
import { byteStringFromText } from '../../base/index.ts';
import {
  type Digest,
  type Directory,
  MemoryBlobStore,
  decodeDirectory,
  digestOf,
  encodeDirectory,
  encodeTreeMessage,
  putBlob,
} from '../../castore/index.ts';
import { ActionResultSchema } from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import { resultTree } from './result-tree.ts';

const text = byteStringFromText;
const file = digestOf(Buffer.from('file'));
const inner: Directory = { entries: [{ name: text('file'), node: { kind: 'file', digest: file, executable: false } }] };
const innerBytes = encodeDirectory(inner);
const outer: Directory = {
  entries: [{ name: text('inner'), node: { kind: 'directory', digest: digestOf(innerBytes) } }],
};
const outerBytes = encodeDirectory(outer);

function find(blobs: MemoryBlobStore, result: MessageInitShape<typeof ActionResultSchema>, path = 'out') {
  return resultTree(blobs, { result: create(ActionResultSchema, result), path });
}

const tree = (digest: Digest) => ({ path: 'out', treeDigest: messageOfOwnDigest(digest) });

describe('resultTree', () => {
  test('gives files and symlinks, in whichever list they are', async () => {
    const blobs = new MemoryBlobStore();
    const digest = messageOfOwnDigest(file);
    for (const isExecutable of [false, true]) {
      const found = await find(blobs, { outputFiles: [{ path: 'out', digest, isExecutable }] });
      assert.deepEqual(found?.node, { kind: 'file', digest: file, executable: isExecutable });
    }
    for (const list of ['outputSymlinks', 'outputFileSymlinks', 'outputDirectorySymlinks']) {
      const found = await find(blobs, { [list]: [{ path: 'out', target: '/ö' }] });
      assert.deepEqual(found?.node, { kind: 'symlink', target: text('/ö') });
    }
    assert.equal(await find(blobs, { outputFiles: [{ path: 'other', digest }] }), undefined);
    assert.equal(await find(blobs, {}), undefined);
  });

  test('reads directories of a message of all, and files where they are', async () => {
    const blobs = new MemoryBlobStore();
    const message = encodeTreeMessage(outerBytes, [innerBytes]);
    const found = await find(blobs, { outputDirectories: [tree(await putBlob(blobs, message))] });
    assert.ok(found?.node.kind === 'directory');
    assert.deepEqual(found.node.digest, digestOf(outerBytes));
    const root = await found.blobs.get(found.node.digest);
    assert.deepEqual(decodeDirectory(root ?? assert.fail('no root')), outer);
    const below = await found.blobs.get(digestOf(innerBytes));
    assert.deepEqual(decodeDirectory(below ?? assert.fail('no directory')), inner);
    assert.deepEqual(await found.blobs.findMissing([file, digestOf(innerBytes)]), [file]);
    await putBlob(blobs, Buffer.from('file'));
    assert.deepEqual(await found.blobs.findMissing([file]), []);
  });

  test('names the root where there is no such message', async () => {
    const blobs = new MemoryBlobStore();
    const rootDirectoryDigest = messageOfOwnDigest(digestOf(outerBytes));
    const found = await find(blobs, { outputDirectories: [{ path: 'out', rootDirectoryDigest }] });
    assert.deepEqual(found?.node, { kind: 'directory', digest: digestOf(outerBytes) });
  });

  test('tells what is absent or no tree', async () => {
    const blobs = new MemoryBlobStore();
    const lost = tree(digestOf(encodeTreeMessage(outerBytes, [innerBytes])));
    await assert.rejects(find(blobs, { outputDirectories: [lost] }), {
      code: 'blobs/missing',
      message: /the server lacks the output 'out' that it tells of/,
    });
    const odd = tree(await putBlob(blobs, Buffer.from('\xff\xff\xff', 'latin1')));
    await assert.rejects(find(blobs, { outputDirectories: [odd] }), { code: 'entry/malformed' });
    const partial = tree(await putBlob(blobs, encodeTreeMessage(outerBytes, [])));
    await assert.rejects(find(blobs, { outputDirectories: [partial] }), { code: 'entry/malformed' });
    await assert.rejects(find(blobs, { outputDirectories: [{ path: 'out' }] }), { code: 'digest/malformed' });
    const digest = { hash: 'short', sizeBytes: 1n };
    await assert.rejects(find(blobs, { outputFiles: [{ path: 'out', digest }] }), { code: 'digest/malformed' });
  });
});
