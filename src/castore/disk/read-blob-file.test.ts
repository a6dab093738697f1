import assert from 'node:assert/strict';
import { rmSync, truncateSync, utimesSync, writeFileSync, chmodSync } from 'node:fs';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { NarWriter } from '../../nix-compat/index.ts';
import { TreeRecorder, noise, temporaryFolder } from '../../testing/index.ts';
import type { BlobBatch } from '../blob-store.ts';
import { digestOf } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { FileNode, Node } from '../node.ts';
import { streamTree } from '../tree/stream-tree.ts';
import { TreeBuilder } from '../tree/tree-builder.ts';
import { DiskBlobStore } from './disk-blob-store.ts';

const large = noise(100_000, 1);
const contents = [Buffer.alloc(0), Buffer.from('a row'), large, noise(3_000_000, 2)];

async function put(store: DiskBlobStore, bytes: Uint8Array, executable = false): Promise<FileNode> {
  await using batch = store.batch();
  const digest = await batch.put(bytes, { executable });
  await batch.commit();
  return { kind: 'file', digest, executable };
}

/** What `readSync` reads to buffers of at most `room` bytes; undefined when it finds nothing. */
function read(store: DiskBlobStore, node: FileNode, room = 1000): Buffer | undefined {
  const chunks: Uint8Array[] = [];
  const found = store.readSync(node, {
    buffer: size => new Uint8Array(Math.min(size, room)),
    take: chunk => void chunks.push(chunk),
  });
  return found ? Buffer.concat(chunks) : undefined;
}

const mismatch = (error: unknown) => error instanceof CastoreError && error.code === 'digest/mismatch';

describe('reading a blob there and then', () => {
  test('gives rows, files and executable files', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    for (const bytes of contents) {
      for (const executable of [false, true]) {
        const node = await put(store, bytes, executable);
        assert.deepEqual(read(store, node), bytes);
        // The other file of the two is not there, or not yet.
        assert.deepEqual(read(store, { ...node, executable: !executable }), bytes);
      }
    }
  });

  test('finds nothing of a digest that is absent or has another size', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const node = await put(store, large);
    assert.equal(read(store, { ...node, digest: digestOf(noise(100_000, 3)) }), undefined);
    assert.equal(read(store, { ...node, digest: digestOf(Buffer.from('absent')) }), undefined);
    assert.equal(read(store, { ...node, digest: { ...node.digest, size: 99_999 } }), undefined);
  });

  test('hashes a file that was touched, and refuses other contents', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const node = await put(store, large);
    const path = store.pathOf(node);
    utimesSync(path, 1000, 1000);
    assert.deepEqual(read(store, node), large);
    chmodSync(path, 0o644);
    writeFileSync(path, noise(100_000, 4));
    assert.throws(() => read(store, node), mismatch);
    truncateSync(path, 50_000);
    assert.throws(() => read(store, node), mismatch);
  });

  test('finds that a file is gone, and forgets it', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    const node = await put(store, large);
    rmSync(store.pathOf(node));
    assert.equal(read(store, node), undefined);
    assert.deepEqual(await store.findMissing([node.digest]), [node.digest]);
  });
});

describe('streamTree with a reader', () => {
  async function build(batch: BlobBatch): Promise<Node> {
    await using builder = new TreeBuilder(batch);
    builder.startDirectory();
    for (const [i, bytes] of contents.entries()) {
      builder.entry(byteStringFromText(String(i)));
      builder.startFile(i % 2 === 1, bytes.byteLength);
      builder.fileData(bytes);
      builder.endFile();
    }
    builder.endDirectory();
    return await builder.finish();
  }

  test('reports what it reports without, also when it reads to where the NAR is put together', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    await using batch = store.batch();
    const root = await build(batch);
    await batch.commit();
    const [without, beside] = [new TreeRecorder(), new TreeRecorder()];
    await streamTree(store, root, without);
    await streamTree(store, root, beside, { reader: store });
    assert.deepEqual(beside.events, without.events);
    const nars = await Promise.all(
      [false, true].map(async inPlace => {
        const chunks: Uint8Array[] = [];
        const writer = new NarWriter(chunk => void chunks.push(Uint8Array.from(chunk)));
        const options = inPlace ? { reader: store, buffer: (size: number) => writer.roomForData(size) } : {};
        await streamTree(store, root, writer, options);
        return Buffer.concat(chunks);
      }),
    );
    assert.deepEqual(nars[1], nars[0]);
  });

  test('names the path of a file that is absent', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    await using batch = store.batch();
    const root = await build(batch);
    await batch.commit();
    rmSync(store.pathOf({ kind: 'file', digest: digestOf(large), executable: false }));
    await assert.rejects(streamTree(store, root, new TreeRecorder(), { reader: store }), (error: unknown) => {
      assert(error instanceof CastoreError);
      assert.equal(error.code, 'blob/missing');
      assert.match(error.message, /^'2' in the tree/);
      return true;
    });
  });
});
