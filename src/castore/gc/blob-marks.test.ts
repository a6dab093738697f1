import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byteStringFromText } from '../../base/index.ts';
import { noise, temporaryFolder } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { type Digest, digestOf, formatDigest } from '../digest.ts';
import { encodeDirectory } from '../directory.ts';
import { DiskBlobStore } from '../disk/disk-blob-store.ts';
import type { DirectoryEntry, Node } from '../node.ts';
import { walkNodes } from '../tree/walk-nodes.ts';
import { BlobMarks, type LostDirectory } from './blob-marks.ts';

/** Adds the directory of `nodes`, named by their places. */
async function putDirectory(store: DiskBlobStore, nodes: readonly Node[]): Promise<Node> {
  const entries = nodes.map((node, i): DirectoryEntry => ({
    name: byteStringFromText(String(i).padStart(5, '0')),
    node,
  }));
  return { kind: 'directory', digest: await putBlob(store, encodeDirectory({ entries })) };
}

async function putFile(store: DiskBlobStore, content: string | Uint8Array): Promise<Node> {
  return { kind: 'file', digest: await putBlob(store, Buffer.from(content)), executable: false };
}

function digestIn(node: Node): Digest {
  assert.ok(node.kind !== 'symlink');
  return node.digest;
}

/** A tree as nested lists, a number being a file. */
type Shape = number | readonly Shape[];
const { shape: shapes } = fc.letrec<{ shape: Shape }>(tie => ({
  shape: fc.oneof({ depthSize: 'small' }, fc.nat(20), fc.array(tie('shape'), { maxLength: 4 })),
}));

function putShape(store: DiskBlobStore, shape: Shape): Promise<Node> {
  return typeof shape === 'number'
    ? putFile(store, String(shape))
    : Promise.all(shape.map(child => putShape(store, child))).then(nodes => putDirectory(store, nodes));
}

describe('marking', () => {
  test('marks what a walk of the trees visits, and the blobs that are named', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    await fc.assert(
      fc.asyncProperty(fc.array(shapes, { maxLength: 5 }), fc.nat(40), async (trees, extra) => {
        const nodes = await Promise.all(trees.map(tree => putShape(store, tree)));
        const blob = digestOf(Buffer.from(String(extra)));
        const expected = new Set([blob.hash]);
        for (const node of nodes)
          for await (const visit of walkNodes(store, node, ''))
            if (visit.step === 'node' && visit.node.kind !== 'symlink') expected.add(visit.node.digest.hash);
        const marks = new BlobMarks(store);
        await marks.mark({ nodes, blobs: [blob] });
        for (const hash of expected) assert.ok(marks.has(hash));
        assert.equal(marks.size, expected.size);
      }),
      { numRuns: 30 },
    );
  });

  test('reads a directory once, also where a tree names it a million million times', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    let node = await putFile(store, 'leaf');
    for (let depth = 0; depth < 40; depth++) node = await putDirectory(store, [node, node]);
    let reads = 0;
    const getSync = store.getSync.bind(store);
    store.getSync = (...args) => (reads++, getSync(...args));
    const marks = new BlobMarks(store);
    await marks.mark({ nodes: [node] });
    await marks.mark({ nodes: [node] });
    assert.equal(reads, 40);
    assert.equal(marks.size, 41);
  });

  test('goes as deep as directories are nested', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    await using batch = store.batch();
    let digest = await batch.put(encodeDirectory({ entries: [] }));
    for (let depth = 0; depth < 20_000; depth++) {
      const entries = [{ name: byteStringFromText('d'), node: { kind: 'directory', digest } as const }];
      digest = await batch.put(encodeDirectory({ entries }));
    }
    await batch.commit();
    const marks = new BlobMarks(store);
    await marks.mark({ nodes: [{ kind: 'directory', digest }] });
    assert.equal(marks.size, 20_001);
  });

  test('follows a blob that is first a file and then a directory, and one named with a wrong size before', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const leaf = await putFile(store, 'leaf');
    const digest = digestIn(await putDirectory(store, [leaf]));
    const lost: LostDirectory[] = [];
    const marks = new BlobMarks(store, { onLost: directory => lost.push(directory) });
    await marks.mark({ nodes: [{ kind: 'file', digest, executable: false }], blobs: [digest] });
    await marks.mark({ nodes: [{ kind: 'directory', digest: { ...digest, size: 7 } }] });
    assert.ok(!marks.has(digestIn(leaf).hash));
    assert.deepEqual(
      lost.map(({ digest: { size } }) => size),
      [7],
    );
    await marks.mark({ nodes: [{ kind: 'directory', digest }] });
    assert.ok(marks.has(digestIn(leaf).hash));
  });

  test('tells what it cannot follow and goes on: absent, no directory, damaged', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const absent: Node = { kind: 'directory', digest: digestOf(Buffer.from('absent')) };
    const rubbish: Node = { kind: 'directory', digest: await putBlob(store, Buffer.from('rubbish')) };
    const large = await putDirectory(
      store,
      Array.from({ length: 400 }, (_, i) => ({ kind: 'file', digest: digestOf(noise(1, i)), executable: false })),
    );
    const path = store.pathOf({ kind: 'file', digest: digestIn(large), executable: false });
    chmodSync(path, 0o644);
    writeFileSync(path, noise(digestIn(large).size, 1));
    const leaf = await putFile(store, 'leaf');
    const lost: string[] = [];
    const marks = new BlobMarks(store, {
      onLost: ({ digest, error }) => lost.push(`${formatDigest(digest)} ${error?.code}`),
    });
    await marks.mark({ nodes: [await putDirectory(store, [absent, rubbish, large, leaf])] });
    assert.deepEqual(
      lost.toSorted(),
      [
        `${formatDigest(digestIn(absent))} undefined`,
        `${formatDigest(digestIn(large))} digest/mismatch`,
        `${formatDigest(digestIn(rubbish))} directory/unsupported`,
      ].toSorted(),
    );
    assert.ok(marks.has(digestIn(leaf).hash));
    assert.ok(marks.has(digestIn(large).hash), 'what is damaged is for verification to remove');
  });

  test('ends when it is aborted, and in the error of the disk', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    const nodes = [await putDirectory(store, [])];
    await assert.rejects(new BlobMarks(store, { signal: AbortSignal.abort() }).mark({ nodes }), { name: 'AbortError' });
    store.getSync = () => {
      throw Object.assign(new Error('EIO: read'), { code: 'EIO', errno: -5 });
    };
    await assert.rejects(new BlobMarks(store).mark({ nodes }), /EIO/);
  });
});
